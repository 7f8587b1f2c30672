"""What tests of the gateway and of outside extensions stand on: real parts that are easy to start and to break.

For outside authors: the names below, which change only with `API_VERSION` of the contract. `Stage` is a gateway beside
a mocked centre; examples are cases as files; `check_extension` is the licence that `siak-gateway adapters check` gives.
"""

from gateway.contract.extension import API_VERSION
from gateway.testing.examples import Example, ExampleFault, examples_of, read_examples, run_example
from gateway.testing.licence.checking import Report, check_extension
from gateway.testing.licence.rule import Line
from gateway.testing.licence.subject import Unusable
from gateway.testing.stage import HandClock, Heard, Person, Stage

__all__ = [
    "API_VERSION",
    "Example",
    "ExampleFault",
    "HandClock",
    "Heard",
    "Line",
    "Person",
    "Report",
    "Stage",
    "Unusable",
    "check_extension",
    "examples_of",
    "read_examples",
    "run_example",
]
