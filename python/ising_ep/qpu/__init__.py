"""D-Wave's service: nothing lost, nothing paid for twice, its price told before it is paid."""

from ..extras import PLAIN, require

require(PLAIN, "a QPU")
