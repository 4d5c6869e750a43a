"""YAML and JSON from anybody: plain data with lines, or a sentence that names file and line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from gioconda.errors import InputError, SettingsError
from gioconda.job.document import MAX_BYTES, parse, read_document
from hypothesis import given
from hypothesis import strategies as st

FILE = Path("npcs.yaml")

TEXT = """\
# a comment
portraits:
  - a.png
  - {file: b.png, name: bob}
settings:
  fps: 23.976
  frames: 1-9
  draft: true
  title: no
"""


def test_values_are_plain_and_know_their_lines() -> None:
    document = parse(FILE, TEXT)
    assert document.data == {
        "portraits": ["a.png", {"file": "b.png", "name": "bob"}],
        "settings": {"fps": 23.976, "frames": "1-9", "draft": True, "title": "no"},
    }
    assert document.line(("portraits", 1, "name")) == 4
    assert document.line(("settings", "draft")) == 8
    assert document.line(("settings", "not there")) == 5
    assert str(document.error(("portraits", 1, "name"), "is odd.")) == "npcs.yaml, line 4: “portraits[2].name” is odd."


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("1", 1),
        ("-7", -7),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("~", None),
        ("", None),
        ("True", True),
        ("yes", "yes"),
        ("12:30", "12:30"),
        ("2024-01-01", "2024-01-01"),
        ("'1'", "1"),
        ("0x1f", "0x1f"),
        (".nan", ".nan"),
        ("tRUE", "tRUE"),
    ],
)
def test_words_mean_what_yaml_1_2_says(word: str, value: object) -> None:
    found = parse(FILE, f"a: {word}\n").data["a"]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb: 2\na: 3\n", "line 3: “a” is there twice"),
        ("a: &x [1]\nb: *x\n", r"line 2: \*x is not read"),
        ("a: !!python/object:os.system x\n", "line 1: the tag .* is not read"),
        ("a: [1, 2\nb: 3\n", "line 2: this is not YAML"),
        ("a:\n\t- b\n", "line 2: this is not YAML"),
        ("a: 1\n---\nb: 2\n", "line 2: a second document"),
        ("- a\n- b\n", "line 1: the file should be"),
        ("", "line 1: the file should be"),
        ("a: 1\nb: \x07\n", "line 2: this is not YAML"),
        ("? [a]\n: 1\n", "line 1: a setting's name must be a word"),
        ("a: " + "[" * 30 + "]" * 30, "nested more than"),
        ("a: [" + "1," * 100_001 + "]", "more than 100000 values"),
    ],
)
def test_what_is_not_read_is_refused_with_its_line(text: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said) as caught:
        parse(FILE, text)
    assert str(caught.value).startswith("npcs.yaml")


def test_json_is_json(tmp_path: Path) -> None:
    path = tmp_path / "job.json"
    path.write_text('{"a": [1,\n {"b": "\\ud83d\\ude00 no"}]}', encoding="utf-8")
    document = read_document(path)
    assert document.data == {"a": [1, {"b": "😀 no"}]}
    path.write_text('{"a": 1,\n "b": [1,\n 2]}', encoding="utf-8")
    assert read_document(path).line(("b", 1)) == 3
    for text, said in [
        ("{", "line 1: this is not JSON"),
        ("[]", "one JSON object"),
        ('{"a":1,"a":2}', "“a” is there twice"),
    ]:
        path.write_text(text, encoding="utf-8")
        with pytest.raises(SettingsError, match=said):
            read_document(path)


def test_files_that_are_no_text_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    with pytest.raises(InputError, match="cannot be read"):
        read_document(path)
    path.write_bytes(b"a: 1\nb: \xff\xfe\n")
    with pytest.raises(SettingsError, match="line 2: this is not UTF-8"):
        read_document(path)
    path.write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(SettingsError, match="larger than 1 MB"):
        read_document(path)


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        parse(FILE, text)
    except SettingsError as error:
        assert "npcs.yaml, line" in str(error)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(),
        lambda c: st.lists(c) | st.dictionaries(st.text(), c),
        max_leaves=8,
    )
)
def test_json_says_the_same_read_as_yaml(value: object) -> None:
    text = json.dumps({"value": value})  # ASCII; lone surrogates are no text
    if "\\ud" in text or "\\u007f" in text:
        return
    assert parse(FILE, text).data == {"value": value}
