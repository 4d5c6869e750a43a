"""Whole frames in one run of one graph, for GPUs: sampling, networks and composite stay on the device.

`graph` writes ONNX with standard operators; `sampling`, `shading`, `seeing` and `laying` are the parts of a frame, each
the twin of a numba kernel; `whole` puts them together; `inputs` is what the processor still does: which triangle is
seen where. `renderer` runs it. The same graph runs on the CPU provider, which is how it is tested where no GPU is.
"""
