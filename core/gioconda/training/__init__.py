"""Training the networks, one recipe in the order it is followed. The only folder that imports torch.

1. Data: `sources` (whose file, which side of the split), `pairs` (made with the engine) and `rendered` (from morphable
   heads), kept by `shards`; `dataset` draws batches of them, `augment` changes them.
2. Networks: `blocks`, then `fast` and `full` built of them; `variants` picks one.
3. What they are asked for: `losses`, `discriminator`, and `objectives` that adds them up.
4. `train`: the loop, with `checkpoint` and contact `sheets`.
5. `export`: ONNX files, proven against torch.
6. `personalise`: the exported networks adapted to one person, from `few_shot_pairs`.

`paper` holds the seed paper's own networks, to compare with. `commands` is the command line: nothing outside imports
more than that.
"""
