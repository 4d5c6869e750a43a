"""`make gpu`: whole frames on a graphics card, checked against the processor's and timed."""

import gioconda  # noqa: F401 - before ONNX Runtime, which this keeps from sending anything
