"""The renderer's inner loops: C, compiled when the package is built, called through ctypes. Knows no portraits.

One `.c` file per subject, declared to Python where it is used: `kernel` names a function and its arguments. Arrays are
contiguous and passed by address, their sizes beside them; a struct is a `ctypes.Structure` of the same fields. A kernel
that several threads share takes the rows `first … last - 1` as its last arguments and is called through `in_bands`.
ctypes releases Python's lock while a kernel runs. `build` compiles the sources: `python -m gioconda.native`.

Results do not depend on the number of threads, nor on the processor: sums keep their order, nothing is contracted, and
exponentials and logarithms are our own (`maths.h`).
"""

from .bands import in_bands as in_bands
from .bands import set_threads as set_threads
from .library import Array as Array
from .library import address as address
from .library import clear_registers as clear_registers
from .library import constant as constant
from .library import kernel as kernel
