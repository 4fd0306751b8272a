"""An Ising machine behind a TCP socket: its server, the machine that asks it, and its settings.

Start the server. It prints its port, listens on 127.0.0.1 alone, and anneals what it is asked to:

    python examples/machine_over_tcp.py --port 7000

A machine is trained by name once a package registers the model of its settings. Put this file in a folder
beside the following `pyproject.toml`, and `pip install` the folder:

    [project]
    name = "machine-over-tcp"
    version = "1.0"

    [project.entry-points."ising_ep.machines"]
    tcp = "machine_over_tcp:TCPSettings"

Then train by name. `ising-ep train --help` lists the options, a run folder records them:

    ising-ep train --dataset patterns --machine tcp --tcp-port 7000 --out runs/tcp
    ising-ep evaluate runs/tcp

A run whose server goes away ends at its last checkpoint. Once the server is there again, the run goes on with
`ising-ep train --resume runs/tcp`. From Python the machine is used without registering anything:
`training.train(config, data, machine=TCPMachine("127.0.0.1", 7000, num_reads=10))`.
"""

import argparse
import io
import socket
import socketserver
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from ising_ep import BatchResult
from ising_ep.errors import StoppedError
from ising_ep.machines import AnnealingMachine, Machine, MachineSettings
from ising_ep.machines.settings import NumReads

# Seconds to wait for an answer, and the most bytes of a message.
TIMEOUT, MOST_BYTES = 60, 1 << 28


def send(stream, *arrays):
    """Sends arrays as one message: its length in 8 bytes, then each array in the .npy format."""
    message = io.BytesIO()
    for array in arrays:
        np.lib.format.write_array(message, np.asarray(array), allow_pickle=False)
    stream.write(message.tell().to_bytes(8, "big") + message.getvalue())
    stream.flush()


def receive(stream):
    """Receives the arrays of one message. Raises EOFError where the other side has ended."""
    size = int.from_bytes(_read(stream, 8), "big")
    if size > MOST_BYTES:
        raise ValueError(f"a message has {size} bytes, expected at most {MOST_BYTES}")
    message, arrays = io.BytesIO(_read(stream, size)), []
    while message.tell() < size:
        arrays.append(np.lib.format.read_array(message, allow_pickle=False))
    return arrays


def _read(stream, size):
    data = stream.read(size)
    if len(data) < size:
        raise EOFError("the connection was closed")
    return data


class AnnealOverTCP(socketserver.StreamRequestHandler):
    """Anneals the batches of problems that come over one connection, until it is closed."""

    def handle(self):
        """Answers each batch with its states and energies."""
        try:
            while True:
                numbers, *couplings, fields, initial_states, problem_ids = receive(self.rfile)
                seed, num_reads = map(int, numbers)
                result = AnnealingMachine(num_reads=num_reads).sample(
                    tuple(couplings),
                    fields,
                    initial_states=initial_states if initial_states.size else None,
                    seed=seed,
                    problem_ids=problem_ids,
                )
                send(self.wfile, result.states, result.energies)
        except (EOFError, ConnectionError):
            return


class TCPMachine(Machine):
    """Sends batches of problems to a server and reads its answers.

    Args:
        host: Name or address of the server.
        port: Its port.
        num_reads: Reads of each problem.

    Raises:
        ValueError: If no server listens there.
    """

    # A connection belongs to one process.
    shared = False

    def __init__(self, host, port, num_reads):
        self.address, self.num_reads = f"{host}:{port}", num_reads
        try:
            self._socket = socket.create_connection((host, port), TIMEOUT)
        except OSError as error:
            raise ValueError(f"no machine listens at {self.address}: {error}") from None
        self._stream = self._socket.makefile("rwb")

    def sample(self, couplings, fields, *, initial_states=None, seed, problem_ids):
        """Anneals a batch on the server; see `Machine.sample`."""
        self.usage.problems += len(fields)
        numbers = np.array([seed, self.num_reads], np.uint64)
        states = np.empty(0, np.int8) if initial_states is None else initial_states
        try:
            send(self._stream, numbers, *couplings, fields, states, problem_ids)
            return BatchResult(*receive(self._stream))
        except (OSError, EOFError) as error:
            raise StoppedError(f"the machine at {self.address} is gone: {error}") from None

    def close(self):
        """Closes the connection."""
        self._stream.close()
        self._socket.close()


class TCPSettings(MachineSettings):
    """Settings of `TCPMachine`: each field is an option of the command, checked and recorded."""

    about: ClassVar[str] = "a machine behind a TCP socket"
    shared: ClassVar[bool] = False

    tcp_host: Annotated[str, Field(min_length=1, description="Host of the machine.")] = "127.0.0.1"
    tcp_port: Annotated[int, Field(ge=1, le=65535, description="Port of the machine.")] = 7000
    num_reads: NumReads = 10

    def build(self, network, work):
        """Connects to the machine."""
        return TCPMachine(self.tcp_host, self.tcp_port, self.num_reads)


def main():
    """Serves until Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=7000, help="0 for one that is free (default: 7000)")
    options = parser.parse_args()
    socketserver.ThreadingTCPServer.allow_reuse_address = True
    socketserver.ThreadingTCPServer.daemon_threads = True
    with socketserver.ThreadingTCPServer(("127.0.0.1", options.port), AnnealOverTCP) as server:
        print(f"listening on 127.0.0.1:{server.server_address[1]}", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print("stopped")


if __name__ == "__main__":
    main()
