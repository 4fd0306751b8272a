"""`ising-ep doctor` and `ising-ep completion`."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from click.testing import CliRunner

from ising_ep import cli
from ising_ep.cli.completion import SHELLS
from ising_ep.cli.doctor import KERNELS, PORTABLE, kernels
from ising_ep.embedding.cache import cache_folder
from ising_ep.extras import EXTRAS, PLAIN

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "DEV-0123456789abcdef"


def ising_ep(*words):
    return CliRunner().invoke(cli.main, words)


@pytest.fixture(autouse=True)
def no_configuration(monkeypatch, tmp_path):
    for name in [name for name in os.environ if name.startswith("DWAVE_")]:
        monkeypatch.delenv(name)
    for name in ("XDG_CONFIG_HOME", "XDG_CONFIG_DIRS", "HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


def examined():
    result = ising_ep("doctor", "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_versions_and_extras():
    found = examined()
    assert found["ising-ep"] == version("ising-ep")
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    assert found["packages"]["numpy"] == version("numpy")
    assert found["packages"].keys() == {"numpy", "dimod"} | EXTRAS[PLAIN].keys()
    assert {name: of.keys() for name, of in found["extras"].items()} == {
        name: of.keys() for name, of in EXTRAS.items() if name != PLAIN
    }
    assert found["extras"]["plot"] == {"matplotlib": version("matplotlib")}
    assert found["terminal"]["stdout"] is False
    assert 1 <= found["threads"] <= os.cpu_count()


def test_the_text_has_what_json_has():
    found, text = examined(), ising_ep("doctor").stdout
    assert text.startswith(f"ising-ep {found['ising-ep']}, Python {found['python']}, {found['system']}\n")
    for line in (
        f"threads   {found['threads']}",
        "stdout    no terminal",
        f"  plot      matplotlib {found['extras']['plot']['matplotlib']}",
        "  files     none",
        "  endpoint  not set",
        "  token     not set",
    ):
        assert line in text.splitlines()


CONFIGURATION = f"""[defaults]
token = {TOKEN}
[first]
endpoint = https://me:{TOKEN}@example.com/sapi/v2/
headers = Authorization: {TOKEN}
solver = Advantage_system4.1
[second]
region = eu-central-1
solver = {{"name": "{TOKEN}"}}
"""


@pytest.mark.parametrize("profile", [None, "second"])
def test_the_configuration_is_told_without_its_token(profile, monkeypatch):
    Path("dwave.conf").write_text(CONFIGURATION)
    if profile is not None:
        monkeypatch.setenv("DWAVE_PROFILE", profile)
    text, found = ising_ep("doctor").output, examined()["dwave"]
    assert TOKEN not in text
    assert TOKEN not in json.dumps(found)
    assert "  token     set\n" in text
    assert found == {
        "files": ["./dwave.conf"],
        "profile": profile or "first",
        "endpoint": None if profile else "https://***@example.com/sapi/v2/",
        "region": "eu-central-1" if profile else None,
        "solver": '{"name": "***"}' if profile else "Advantage_system4.1",
        "token": True,
        "problem": None,
    }


def test_what_the_environment_says_counts(monkeypatch):
    monkeypatch.setenv("DWAVE_API_TOKEN", TOKEN)
    monkeypatch.setenv("DWAVE_API_ENDPOINT", f"http://127.0.0.1:1/{TOKEN}")
    found = examined()["dwave"]
    assert (found["token"], found["endpoint"]) == (True, "http://127.0.0.1:1/***")


def encoded(text, signs="%{:02x}", every=1):
    """A text as an address may have it: each of so many characters as its number, of two digits."""
    return "".join(c if place % every else signs.format(ord(c)) for place, c in enumerate(text))


@pytest.mark.parametrize(
    "form",
    [
        encoded(TOKEN),
        encoded(TOKEN, "%{:02X}"),
        encoded(TOKEN, every=3),
        encoded(TOKEN, "%25{:02x}"),
        encoded(TOKEN, "%2525{:02X}", every=2),
        TOKEN.replace("-", "%2d"),
    ],
)
@pytest.mark.parametrize(
    "address", ["http://user:{}@host/sapi", "http://host/{}/sapi", "host?t={}", "ftp://{}"]
)
def test_no_encoded_part_of_a_token_is_shown(form, address, monkeypatch):
    monkeypatch.setenv("DWAVE_API_TOKEN", TOKEN)
    monkeypatch.setenv("DWAVE_API_ENDPOINT", address.format(form))
    text, endpoint = ising_ep("doctor").output, examined()["dwave"]["endpoint"]
    assert endpoint == re.sub(r"user:{}|{}", "***", address)
    assert f"  endpoint  {endpoint}\n" in text
    if not address.startswith("http"):
        refused = ising_ep("train", "--dataset", "patterns", "--machine", "qpu", "--epochs", "1")
        assert f"the endpoint is {endpoint}, expected an address" in refused.output


@pytest.mark.parametrize(
    ("variable", "value", "problem"),
    [
        ("DWAVE_PROFILE", "none", "Config profile 'none' not found"),
        ("DWAVE_CONFIG_FILE", "none.conf", "Failed to read 'none.conf'"),
        ("DWAVE_CONFIG_FILE", "broken.conf", "Failed to parse 'broken.conf'"),
    ],
)
def test_a_bad_configuration_is_told_in_a_line(variable, value, problem, monkeypatch):
    Path("broken.conf").write_text(f"token = {TOKEN}\n")
    monkeypatch.setenv(variable, value)
    result = ising_ep("doctor")
    assert result.exit_code == 0
    assert f"  problem   {problem}\n" in result.stdout
    assert TOKEN not in result.output


@pytest.mark.parametrize("variable", ["DWAVE_PROFILE", "DWAVE_CONFIG_FILE"])
def test_a_token_in_a_configuration_that_cannot_be_read_is_not_shown(variable, monkeypatch):
    monkeypatch.setenv("DWAVE_API_TOKEN", TOKEN)
    monkeypatch.setenv(variable, f"there-{TOKEN}.conf")
    for words in ((), ("--json",)):
        result = ising_ep("doctor", *words)
        assert result.exit_code == 0
        assert TOKEN not in result.output
    assert examined()["dwave"]["token"] is True


def test_a_token_that_no_service_has_is_told(monkeypatch):
    monkeypatch.setenv("DWAVE_API_TOKEN", f"{TOKEN}\a")
    result = ising_ep("doctor")
    assert "character" in result.output
    assert "U+0007" in result.output
    assert TOKEN not in result.output


@pytest.mark.slow
def test_nobody_is_asked_and_nothing_is_made(tmp_path):
    """A region, whose endpoint a client asks for; no socket is connected, no folder appears."""
    code = """
import sys
from ising_ep.cli import main
def refuse(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "os.mkdir"):
        raise AssertionError(event)
sys.addaudithook(refuse)
main(["doctor"])
"""
    conf = tmp_path / "dwave.conf"
    conf.write_text(f"[defaults]\ntoken = {TOKEN}\nregion = eu-central-1\n")
    where = {"DWAVE_CONFIG_FILE": str(conf), "DWAVE_LOG_LEVEL": "trace"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | where, capture_output=True, text=True, check=True
    )
    assert "  region    eu-central-1\n" in done.stdout
    assert TOKEN not in done.stdout + done.stderr


def test_sizes_of_caches():
    folder = cache_folder()
    before = examined()["caches"]["embeddings"]
    assert before["path"] == str(folder)
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "of_a_test").write_bytes(bytes(1234))
    after = examined()["caches"]["embeddings"]
    shutil.rmtree(folder / "deep")
    assert (after["files"], after["bytes"]) == (before["files"] + 1, before["bytes"] + 1234)


# --- kernels ----------------------------------------------------------------------------------------------

X86 = "processor\t: 0\nflags\t\t: fpu sse2 {}\nbugs\t\t:\n"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (X86.format(" ".join(sorted(KERNELS["AVX-512"]))), "AVX-512"),
        (X86.format(" ".join(sorted(KERNELS["AVX-512"] - {"gfni"}))), "AVX2 with VAES"),
        (X86.format(" ".join(sorted(KERNELS["AVX2"]))), "AVX2"),
        (X86.format(" ".join(sorted(KERNELS["AVX2"] - {"aes"}))), PORTABLE),
        ("processor\t: 0\nFeatures\t: fp asimd evtstrm aes pmull\n", "NEON"),
        ("processor\t: 0\nFeatures\t: fp asimd evtstrm\n", PORTABLE),
    ],
)
def test_kernels_by_what_linux_tells(text, wanted, tmp_path):
    (tmp_path / "cpuinfo").write_text(text)
    assert kernels(tmp_path / "cpuinfo") == wanted


@pytest.mark.skipif(sys.platform == "darwin", reason="there it is known without")
def test_kernels_of_a_system_that_does_not_tell(tmp_path):
    assert kernels(tmp_path / "none") is None


def test_kernels_are_those_of_the_core():
    """What `has_avx2`, `has_vaes` and `has_avx512` ask for, each of what is above it too."""
    source = (ROOT / "rust" / "src" / "simd" / "x86.rs").read_text("utf-8")
    names = {"lzcnt": "abm", "avx512vnni": "avx512_vnni"}
    asked = {}
    for name, body in re.findall(r"fn has_(\w+)\(\) -> bool \{(.*?)\n\}", source, re.DOTALL):
        own = {names.get(each, each) for each in re.findall(r'detected!\("(\w+)"\)', body)}
        asked[name] = own.union(*(asked[other] for other in re.findall(r"has_(\w+)\(\)", body)))
    assert [asked[name] for name in ("avx512", "vaes", "avx2")] == [
        KERNELS[name] for name in list(KERNELS)[:3]
    ]


# --- completion and version -------------------------------------------------------------------------------


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_takes_what_completion_prints(shell):
    printed = ising_ep("completion", shell).stdout
    assert f"_ISING_EP_COMPLETE={shell}_complete" in printed
    if shutil.which(shell):
        assert subprocess.run([shell, "-n"], input=printed, text=True, check=True, capture_output=True)


def completed(words):
    """What bash is offered for the last of these words."""
    line = words.split(" ")
    asked = {"_ISING_EP_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(len(line) - 1)}
    done = subprocess.run(
        [sys.executable, "-m", "ising_ep"], env=os.environ | asked, capture_output=True, text=True, check=True
    )
    return [offer.split(",")[1] for offer in done.stdout.splitlines()]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "offers"),
    [
        ("ising-ep do", ["doctor"]),
        ("ising-ep completion ", ["bash", "zsh", "fish"]),
        ("ising-ep doctor --j", ["--json"]),
        ("ising-ep train --machine an", ["annealing", "analog"]),
        ("ising-ep train --preset cifar", ["cifar10"]),
        ("ising-ep train --max-qpu", ["--max-qpu-time"]),
    ],
)
def test_commands_options_and_choices_are_completed(words, offers):
    assert completed(words) == offers


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_bash_completes(tmp_path):
    """By the function that it was given, of a command of that name on its path."""
    command = tmp_path / "ising-ep"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m ising_ep "$@"\n')
    command.chmod(0o755)
    script = (
        'eval "$(ising-ep completion bash)"; COMP_WORDS=(ising-ep eval); COMP_CWORD=1;'
        ' _ising_ep_completion ising-ep; echo "${COMPREPLY[@]}"'
    )
    path = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-c", script], env=os.environ | path, capture_output=True, text=True, check=True
    )
    assert done.stdout == "evaluate\n"


def test_version():
    assert ising_ep("--version").stdout == f"ising-ep {version('ising-ep')}\n"
