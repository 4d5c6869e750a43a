"""Weights changed where they lie in an ONNX file: the network that ships, and files that are none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from gioconda.errors import ModelError
from gioconda.models.onnx_weights import changeable, changed, weights_in
from gioconda.models.runtime import Session
from onnx import TensorProto, helper, numpy_helper


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """y = x · wide + thin + same; “same” borrows the values of “thin” through an Identity node."""
    wide, thin = np.arange(6, dtype=np.float32).reshape(2, 3), np.ones(3, np.float32)
    nodes = [
        helper.make_node("Identity", ["shared"], ["same"]),
        helper.make_node("MatMul", ["x", "wide"], ["a"]),
        helper.make_node("Add", ["a", "thin"], ["b"]),
        helper.make_node("Add", ["b", "same"], ["y"]),
    ]
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", k]) for name, k in (("x", 2), ("y", 3))]
    values_of = {"wide": wide, "thin": thin, "shared": thin, "half": wide.astype(np.float16), "steps": np.array([1, 2])}
    weights = [numpy_helper.from_array(value, name) for name, value in values_of.items()]
    graph = helper.make_graph(nodes, "small", values[:1], values[1:], weights)
    path = tmp_path / "small.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(path))
    return path


def test_weights_are_those_that_the_package_onnx_reads(model: Path) -> None:
    graph = onnx.load(str(model)).graph
    theirs = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    theirs["same"] = theirs["shared"]
    ours = weights_in(model)
    assert ours.keys() == theirs.keys()
    assert all(ours[name].dtype == theirs[name].dtype and (ours[name] == theirs[name]).all() for name in ours)


def test_what_is_changeable_is_float32_and_not_shared(model: Path) -> None:
    assert changeable(model) == {"wide": (2, 3), "thin": (3,)}


def test_changes_are_added_and_everything_else_stays(model: Path) -> None:
    before, path = weights_in(model), model.with_name("changed.onnx")
    path.write_bytes(changed(model, {"wide": np.full((2, 3), 0.5, np.float16)}))
    after = weights_in(path)
    assert (after["wide"] == before["wide"] + 0.5).all()
    assert all((after[name] == before[name]).all() for name in before if name != "wide")


def test_a_session_answers_with_the_changed_weights(model: Path) -> None:
    x = np.array([[1, 2]], np.float32)
    plain = Session(model, "cpu", threads=1).run({"x": x})[0]
    other = Session(model, "cpu", threads=1, changes={"thin": np.array([1, 2, 3], np.float16)}).run({"x": x})[0]
    assert (other - plain == [[1, 2, 3]]).all()


@pytest.mark.parametrize(
    "change", [{"other": np.zeros(3)}, {"thin": np.zeros(4)}, {"wide": np.zeros(6)}, {"shared": np.zeros(3)}]
)
def test_changes_for_another_model_are_refused(model: Path, change: dict[str, np.ndarray]) -> None:
    with pytest.raises(ModelError, match="changes are for another model"):
        changed(model, change)


def test_what_is_cut_off_or_no_onnx_gives_a_sentence_or_no_weights(model: Path, tmp_path: Path) -> None:
    whole = model.read_bytes()
    for length in range(0, len(whole), 7):
        model.write_bytes(whole[:length])
        try:
            assert set(changeable(model)) <= {"wide", "thin", "shared"}
        except ModelError as error:
            assert "no ONNX file" in str(error)
    with pytest.raises(ModelError, match="cannot be read"):
        changed(tmp_path / "nothing.onnx", {})
