"""`make gpu`: whole frames on a graphics card, checked against the processor's and timed."""
