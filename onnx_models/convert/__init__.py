"""MediaPipe's five networks, from TensorFlow Lite to ONNX: how the files beside this folder were made.

For development only: the results are in git, and nothing that ships imports this. `python -m onnx_models.convert` gets
MediaPipe's wheel (`wheel`), reads the networks (`tflite_graph`), translates them operator by operator
(`operators`, `attention`) into ONNX (`onnx_graph`) and compares the bytes with the hashes in models.yaml.

Needs the packages `onnx` and `tflite`: `pip install -e .[convert]`.
"""
