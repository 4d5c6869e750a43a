"""Who states the right to animate a portrait, who signed a sequence, and what `gioconda verify` finds out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from gioconda.cli.main import main
from gioconda.errors import ExitCode, InputError, SettingsError
from gioconda.files import file_sha256
from gioconda.imaging import exr
from gioconda.imaging.exr import COMPOSITE_WITH_NETWORK
from gioconda.imaging.exr_read import read_header
from gioconda.imaging.image import write_png
from gioconda.imaging.video import VideoWriter
from gioconda.job.consent import RIGHTS, Consent
from gioconda.job.fingerprint import pixel_settings
from gioconda.job.job import Job
from gioconda.provenance import keys
from gioconda.provenance.manifest import manifest_path, read_manifest
from gioconda.provenance.policy import Policy, read_policy
from gioconda.provenance.rights import recall, resolve_consent, with_consent
from gioconda.provenance.sign import sign_delivered, sign_sequence
from gioconda.provenance.verify import check_folder, verify
from gioconda.worker.messages import Message, Warn

ROOT = Path(__file__).resolve().parents[3]
HOPPER = ROOT / "core/gioconda/cli/grace_hopper.jpg"
ADA = Consent("subject_consent", "Ada Example", "signed 3 May")


# --- statements ------------------------------------------------------------------------------------------------------


def test_a_statement_is_written_in_a_line_or_as_plain_data() -> None:
    assert Consent.parse("subject_consent: Ada Example : signed 3 May") == ADA
    assert Consent.parse("own_work:Ada").text == ""
    assert Consent.from_plain(ADA.plain()) == ADA
    for right in RIGHTS:
        assert "Ada states" in Consent(right, "Ada").sentence()


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({"right": "mine", "who": "Ada"}, '“consent.right” cannot be "mine"; choose from own_work'),
        ({"right": "own_work", "who": " "}, "“who” is empty"),
        ({"right": "own_work"}, "“consent” lacks “who”"),
        ({"right": "own_work", "who": "Ada", "text": 3}, "“consent.text” cannot be 3; it is text"),
        (
            {"right": "own_work", "who": "Ada", "when": "now"},
            "“consent.when” is no setting; known are right, who, text",
        ),
        (
            {"right": "own_work", "who": "A" * 5000},
            "“consent.who” cannot be .*; it is text that is not empty of 2000 letters at most",
        ),
    ],
)
def test_a_wrong_statement_is_refused_with_a_job(data: dict[str, object], sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        Job(portrait="a.png", motion="take", output="####.exr", consent=data)


def test_the_jobs_own_statement_counts_most_then_memory_then_policy(tmp_path: Path) -> None:
    asked = []

    def ask(portrait: str) -> Consent:
        asked.append(portrait)
        return ADA

    studio = Consent("licensed", "Example Studio")
    own = {"right": "own_work", "who": "me"}
    assert resolve_consent(own, "a.png", lambda: "hash", ask=ask, memory=tmp_path, policy=studio).right == "own_work"
    assert resolve_consent(None, "a.png", lambda: "hash", policy=studio) == studio
    assert resolve_consent(None, "a.png", lambda: "hash", ask=ask, memory=tmp_path) == ADA
    assert resolve_consent(None, "a.png", lambda: "hash", ask=ask, memory=tmp_path, policy=studio) == ADA
    assert asked == ["a.png"]  # once for each portrait
    assert recall(tmp_path, "other") is None
    with pytest.raises(SettingsError, match=r"right to animate a\.png: give --consent"):
        resolve_consent(None, "a.png", lambda: "hash", memory=tmp_path)


def test_a_policy_speaks_for_the_portraits_it_names(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text("gioconda_policy: 1\nconsent: {right: licensed, who: Example Studio}\nportraits: [show]\n")
    policy = read_policy(file)
    assert policy.consent_for(str(tmp_path / "show" / "x" / "a.png")) == Consent("licensed", "Example Studio")
    assert policy.consent_for(str(tmp_path / "show" / ".." / "a.png")) is None
    job = Job(portrait=str(tmp_path / "a.png"), motion="take", output="####.exr")
    with pytest.raises(SettingsError, match="Nobody has stated"):
        with_consent(job, policy, interactive=False)
    assert with_consent(replace(job, consent=ADA.plain()), policy, interactive=False).consent == ADA.plain()
    for text, sentence in (
        ("gioconda_policy: 2\n", "line 1: “gioconda_policy” must be 1"),
        ("gioconda_policy: 1\nconsents: {}\n", "line 2: “consents” is no part of a policy"),
        ("gioconda_policy: 1\nportraits: /show\n", "line 2: “portraits” must be a list"),
        ("gioconda_policy: 1\nconsent: {right: any, who: me}\n", '“right” cannot be "any"; choose from own_work'),
    ):
        file.write_text(text)
        with pytest.raises(SettingsError, match=sentence):
            read_policy(file)


def test_without_a_statement_nothing_is_rendered_unattended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "policy.yaml").write_text("gioconda_policy: 1\n")
    monkeypatch.setenv("GIOCONDA_POLICY", str(tmp_path / "policy.yaml"))
    words = ["animate", str(HOPPER), "take", "-o", str(tmp_path / "####.exr")]
    assert main([*words, "--json"]) == ExitCode.BAD_INPUT
    assert "Nobody has stated the right" in capfd.readouterr().out
    assert main([*words, "--save-job", str(tmp_path / "shot.json")]) == ExitCode.OK
    assert Job.from_json((tmp_path / "shot.json").read_text()).consent is None
    assert main(["job", str(tmp_path / "shot.json"), "--allow-outside"]) == ExitCode.BAD_INPUT
    assert main([*words, "--consent", "mine:me"]) == ExitCode.BAD_INPUT
    assert '“consent.right” cannot be "mine"; choose from own_work' in capfd.readouterr().err
    assert main([*words, "--consent", "public_domain:me", "--save-job", str(tmp_path / "s.json")]) == ExitCode.OK
    saved = Job.from_json((tmp_path / "s.json").read_text()).consent
    assert saved == {"right": "public_domain", "who": "me", "text": ""}


@pytest.mark.skipif(os.name != "posix", reason="a terminal of our own needs POSIX")
def test_a_person_at_a_terminal_is_asked_once(tmp_path: Path) -> None:
    import pty

    (tmp_path / "policy.yaml").write_text("gioconda_policy: 1\n")
    environment = {**os.environ, "GIOCONDA_POLICY": str(tmp_path / "policy.yaml"), "GIOCONDA_CONFIG": str(tmp_path)}
    command = [sys.executable, "-s", "-P", str(ROOT / "core"), "animate", str(HOPPER), "take", "-o", "####.exr"]

    def run(answers: bytes) -> str:
        ours, theirs = pty.openpty()
        os.write(ours, answers)
        done = subprocess.run(
            [*command, "--save-job", str(tmp_path / "shot.json")],
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=theirs,
            env=environment,
            timeout=60,
            cwd=tmp_path,
        )
        said = os.read(ours, 10_000).decode()
        os.close(theirs)
        os.close(ours)
        assert done.returncode == 0, said
        return said

    assert "Which one (1 to 4)" in run(b"2\nAda Example\nsigned 3 May\n")
    stated = Job.from_json((tmp_path / "shot.json").read_text()).consent
    assert stated == ADA.plain()
    (tmp_path / "shot.json").unlink()
    assert "Which one" not in run(b"\n")
    assert Job.from_json((tmp_path / "shot.json").read_text()).consent == ADA.plain()


# --- signatures ------------------------------------------------------------------------------------------------------


def test_a_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    signer = keys.open_signer(tmp_path / "keys")
    assert keys.open_signer(tmp_path / "keys").public == signer.public
    if os.name == "posix":
        assert (tmp_path / "keys" / keys.PRIVATE).stat().st_mode & 0o777 == 0o600
    signature = signer.sign(b"frames")
    assert keys.is_signed(b"frames", signature, signer.public)
    assert not keys.is_signed(b"frames.", signature, signer.public)
    assert not keys.is_signed(b"frames", signature, keys.open_signer(tmp_path / "other").public)
    for nonsense in ("", "x", "AAAA", "é"):
        assert not keys.is_signed(b"frames", nonsense, signer.public)
        assert not keys.is_signed(b"frames", signature, nonsense)
    (tmp_path / "keys" / keys.PRIVATE).write_text("no key")
    with pytest.raises(InputError, match="must be an Ed25519 key"):
        keys.open_signer(tmp_path / "keys")


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """A job whose frames 1 to 4 are there: small, but with the real header."""
    job = Job(
        portrait=str(HOPPER),
        motion="take",
        output=str(tmp_path / "out" / "a.####.exr"),
        consent=ADA.plain(),
        keys=str(tmp_path / "keys"),
    )
    for number in range(1, 5):
        write_frame(job, number)
    return job


def write_frame(job: Job, number: int, source: str = "") -> Path:
    path = Path(job.output.replace("####", f"{number:04d}"))
    header = exr.provenance(
        software="Gioconda",
        frame=number,
        fps=24,
        source_sha256=source or file_sha256(HOPPER),
        consent=job.consent,
        settings=pixel_settings(job),
    )
    with exr.ExrWriter(path, 16, 16, ["Combined"], header=header) as file:
        file.write_rows(0, {"Combined": np.full((16, 16, 4), number, np.float32)})
    return path


def quiet(_: Message) -> None:
    pass


def signed(job: Job, numbers: list[int]) -> Path:
    return sign_sequence(job, numbers, file_sha256(HOPPER), quiet)


def test_a_frame_says_who_states_the_right(job: Job) -> None:
    header = read_header(job.output.replace("####", "0001"))
    assert json.loads(header["gioconda:consent"]) == ADA.plain()


def test_a_signed_sequence_fits_and_signing_again_gives_the_same_file(job: Job) -> None:
    path = signed(job, [1, 2, 3, 4])
    assert path == manifest_path(job.output)
    assert path.name == "a.gioconda.json"
    first = path.read_bytes()
    found = check_folder(path.parent, key=Path(job.keys or "") / keys.PUBLIC, files={"portrait": HOPPER})
    assert found["sequences"][0]["frames"] == "1-4"
    assert found["sequences"][0]["consent"] == ADA.plain()
    assert "Everything fits." in found["text"]
    assert "Ada Example states" in found["text"]
    assert signed(job, [1, 2, 3, 4]).read_bytes() == first
    manifest, _ = read_manifest(path)
    assert len(manifest["models"]) > 2
    assert manifest["settings"]["full_float"] is False


def test_a_part_rendered_later_joins_the_list(job: Job) -> None:
    signed(job, [1, 2])
    path = signed(job, [3, 4])
    assert set(read_manifest(path)[0]["frames"]) == {"1", "2", "3", "4"}
    other = replace(job, consent={"right": "own_work", "who": "me"})
    assert set(read_manifest(signed(other, [4]))[0]["frames"]) == {"4"}  # what was said of the others is not said now


def test_only_what_was_written_since_is_hashed_again(job: Job) -> None:
    time.sleep(0.02)
    path = signed(job, [1, 2, 3, 4])
    before = read_manifest(path)[0]["frames"]["2"]["sha256"]
    time.sleep(0.02)
    frame = write_frame(replace(job, full_float=True), 2)
    after = read_manifest(signed(job, [1, 2, 3, 4]))[0]["frames"]
    assert after["2"]["sha256"] == file_sha256(frame) != before


def ours(job: Job) -> dict[str, str]:
    """The key that signs the job's frames, as somebody's who is known."""
    return {keys.read_public(Path(job.keys or "") / keys.PUBLIC): "ours"}


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    path.write_bytes(data)


def retold(path: Path, change: Callable[[dict[str, object]], object]) -> None:
    """A manifest rewritten by somebody without the key."""
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))


def frame(job: Job, number: int) -> Path:
    return Path(job.output.replace("####", f"{number:04d}"))


@pytest.mark.parametrize(
    ("tamper", "sentence"),
    [
        (lambda job, _: flip(frame(job, 2)), "frame 2 is not as when the manifest was signed"),
        (
            lambda job, _: [frame(job, n).unlink() for n in (2, 3)],
            "frames 2-3 are in the manifest but not in the folder",
        ),
        (lambda job, _: write_frame(job, 9), "frame 9 is in the folder but not in the manifest"),
        (lambda _, m: retold(m, lambda d: d["manifest"]["frames"].pop("4")), "changed after it was signed"),
        (lambda _, m: retold(m, lambda d: d["manifest"]["consent"].update(who="Eve")), "changed after it was signed"),
        (lambda _, m: retold(m, lambda d: d.update(signature=None)), "nobody signed it"),
        (lambda _, m: retold(m, lambda d: d.update(manifest=3)), "is no manifest"),
        (lambda _, m: m.write_text("{"), "not JSON"),
        (lambda _, m: m.unlink(), "no manifest"),
        (lambda job, _: signed(replace(job, keys=str(Path(job.keys).with_name("eve"))), [1, 2, 3, 4]), "another key"),
    ],
)
def test_what_does_not_fit_is_said(job: Job, tamper: Callable[[Job, Path], object], sentence: str) -> None:
    path = signed(job, [1, 2, 3, 4])
    tamper(job, path)
    with pytest.raises(InputError, match=sentence):
        check_folder(path.parent, key=Path(job.keys or "") / keys.PUBLIC, files={})


def test_frames_of_another_portrait_are_found_even_when_they_are_signed(job: Job, tmp_path: Path) -> None:
    write_frame(job, 3, source="0" * 64)
    found = verify(signed(job, [1, 2, 3, 4]).parent, known=ours(job))
    assert [problem.split(": ")[1] for problem in found.problems] == [
        "frame 3 is made from another picture than the manifest says, or is another frame."
    ]
    other = tmp_path / "other.png"
    write_png(other, np.zeros((4, 4, 3), np.uint8))
    assert "not made from" in verify(Path(job.output).parent, known=ours(job), files={"portrait": other}).problems[-1]


def test_frames_without_a_key_are_listed_unsigned(job: Job, tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / keys.PRIVATE).write_text("no key")
    told: list[Message] = []
    path = sign_sequence(job, [1, 2], file_sha256(HOPPER), told.append)
    assert [message for message in told if isinstance(message, Warn) and "not signed" in message.text]
    assert read_manifest(path)[1] is None


def test_verify_is_a_command(job: Job, capfd: pytest.CaptureFixture[str]) -> None:
    path = signed(job, [1, 2, 3, 4])
    public = str(Path(job.keys or "") / keys.PUBLIC)
    assert main(["verify", str(path.parent), "--key", public]) == ExitCode.OK
    assert "Everything fits." in capfd.readouterr().out
    flip(frame(job, 1))
    assert main(["verify", str(path.parent), "--json"]) == ExitCode.BAD_INPUT
    assert "frame 1 is not as" in capfd.readouterr().out


# --- content credentials ---------------------------------------------------------------------------------------------


def test_videos_and_pictures_carry_content_credentials(job: Job) -> None:
    pytest.importorskip("c2pa", reason="pip install c2pa-python")
    from gioconda.provenance.credentials import read

    look, sheet = (Path(job.output).with_name(name) for name in ("look.mp4", "sheet.png"))
    with VideoWriter(look, 64, 48, 24) as video:
        for value in range(5):
            video.write(np.full((48, 64, 3), 40 * value, np.uint8))
    write_png(sheet, np.zeros((32, 32, 3), np.uint8))
    job = replace(job, review=str(look), sheet=str(sheet))
    signed(job, [1, 2, 3, 4])
    assert verify(look.parent, known=ours(job)).problems == []
    for path in (look, sheet):
        said = read(path)
        assert said is not None
        assert said["validation_state"] == "Valid"
        assertions = said["manifests"][said["active_manifest"]]["assertions"]
        told = {one["label"]: one["data"] for one in assertions}
        assert told["org.gioconda.job"]["consent"] == ADA.plain()
        assert told["c2pa.actions.v2"]["actions"][0]["digitalSourceType"] == COMPOSITE_WITH_NETWORK
    data = look.read_bytes().replace(b"Lavc", b"Lavd") if b"Lavc" in look.read_bytes() else look.read_bytes()[:-9]
    look.write_bytes(data)
    assert verify(look.parent, known=ours(job)).problems == [
        "look.mp4 was changed after it was given its content credentials."
    ]


def a_video(path: Path, shade: int = 40) -> Path:
    with VideoWriter(path, 64, 48, 24) as video:
        for value in range(5):
            video.write(np.full((48, 64, 3), shade * value, np.uint8))
    return path


@pytest.fixture
def looked_at(job: Job) -> Job:
    """The job with its video, everything signed."""
    pytest.importorskip("c2pa", reason="pip install c2pa-python")
    job = replace(job, review=str(a_video(Path(job.output).with_name("look.mp4"))))
    signed(job, [1, 2, 3, 4])
    return job


def credentials_of_somebody(path: Path, folder: Path, **facts: object) -> None:
    """Content credentials by another person's certificate."""
    from gioconda.provenance.credentials import attach

    told = {"digital_source_type": COMPOSITE_WITH_NETWORK, "source": "0" * 64, **facts}
    attach(path, told, keys.open_certificate(folder))


def test_another_video_in_place_of_the_jobs_own_is_found(looked_at: Job, tmp_path: Path) -> None:
    folder, look = Path(looked_at.output).parent, Path(looked_at.review or "")

    def problems() -> list[str]:
        return verify(folder, known=ours(looked_at)).problems

    assert problems() == []
    a_video(look, 20)
    assert problems() == ["look.mp4 has lost its content credentials, or is another file."]
    credentials_of_somebody(look, tmp_path / "eve")
    assert problems() == [
        "look.mp4 was made from another picture or motion, or under another statement, than the sequence."
    ]
    a_video(look, 20)
    same, _ = read_manifest(manifest_path(looked_at.output))
    credentials_of_somebody(look, tmp_path / "eve", **{name: same[name] for name in ("source", "motion", "consent")})
    assert problems() == ["look.mp4 carries content credentials that somebody else signed."]


def test_a_video_that_somebody_puts_beside_the_frames_is_no_part_of_them(looked_at: Job, tmp_path: Path) -> None:
    other = a_video(Path(looked_at.output).with_name("other.mp4"))
    found = verify(other.parent, known=ours(looked_at))
    assert found.problems == []
    assert found.unchecked == ["other.mp4"]
    assert any("other.mp4" in note for note in found.notes)
    credentials_of_somebody(other, tmp_path / "eve")
    assert "other.mp4 was made from another" in verify(other.parent, known=ours(looked_at)).problems[0]


def test_what_carries_no_credentials_is_bound_by_its_hash(job: Job) -> None:
    webm = Path(job.output).with_name("a.webm")
    with VideoWriter(webm, 64, 48, 24, codec="vp9") as video:
        video.write(np.zeros((48, 64, 3), np.uint8))
    path = signed(job, [1, 2, 3, 4])
    first = path.read_bytes()
    sign_delivered(job.output, [webm], job.keys, quiet)
    assert read_manifest(path)[0]["media"] == {"anchor": None, "files": {"a.webm": file_sha256(webm)}}
    assert verify(path.parent, known=ours(job)).problems == []
    assert signed(job, [1]).read_bytes() != first  # what was delivered stays listed
    flip(webm)
    assert verify(path.parent, known=ours(job)).problems == ["a.webm is not as when the manifest was signed."]


def test_a_key_nobody_knows_does_not_fit(job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever changes frames can sign them anew with a key of their own."""
    monkeypatch.setenv("GIOCONDA_CONFIG", str(tmp_path / "settings"))
    folder = signed(job, [1, 2, 3, 4]).parent
    with pytest.raises(InputError, match="a key not known here, so anybody may have signed it"):
        check_folder(folder, key=None, files={})
    public = Path(job.keys or "") / keys.PUBLIC
    assert "Everything fits." in check_folder(folder, key=public, files={})["text"]
    (tmp_path / "settings" / "known_keys").mkdir(parents=True)
    (tmp_path / "settings" / "known_keys" / "Ada.pub").write_bytes(public.read_bytes())
    assert "Ada's key" in check_folder(folder, key=None, files={})["text"]


@pytest.mark.skipif(os.name != "posix", reason="pipes with names")
def test_a_pipe_named_like_a_frame_is_not_waited_for(job: Job) -> None:
    folder = signed(job, [1, 2, 3, 4]).parent
    frame(job, 2).unlink()
    os.mkfifo(frame(job, 2))
    os.mkfifo(folder / "look.mp4")
    found = verify(folder, known=ours(job))
    assert "frame 2 is not as when the manifest was signed" in found.problems[0]


@pytest.mark.slow
def test_a_hundred_thousand_frames_take_time_in_proportion(job: Job) -> None:
    """A tenth of them here: 30 s for all, wherever it is measured, and no worse than linear."""

    def seconds(count: int) -> float:
        content = frame(job, 1).read_bytes()
        at = content.index(b"imageCounter") + len(b"imageCounter\0int\0") + 4
        for number in range(1, count + 1):
            frame(job, number).write_bytes(content[:at] + number.to_bytes(4, "little") + content[at + 4 :])
        path = signed(job, list(range(1, count + 1)))
        took = []
        for _ in range(3):  # the least: other work on the machine makes some slower
            began = time.process_time()
            assert verify(path.parent, known=ours(job)).problems == []
            took.append(time.process_time() - began)
        return min(took)

    few, many = seconds(1000), seconds(10_000)
    print(f"{few:.2f} s for 1000 frames, {many:.2f} s for 10,000")
    assert many < 3.0
    assert many < 30 * few  # ten times as many; what is quadratic takes a hundred times as long


def test_no_policy_is_no_statement() -> None:
    assert Policy().consent_for("a.png") is None
