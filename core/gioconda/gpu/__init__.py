"""Whole frames in one run of one graph, for GPUs: sampling, networks and composite stay on the device.

`graph` writes ONNX with standard operators; `sampling`, `shading`, `features` and `apply` are the parts of a frame,
each the twin of a kernel in C; `frame_graph` puts them together; `inputs` and `crops` are what the processor still
does: which triangle is seen where. `renderer` runs it; on the CPU provider too, which tests it where no GPU is.
"""
