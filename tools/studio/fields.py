"""Fields of the page, a row a kind of modality: what a person gives in it, and how that becomes a file's bytes."""

import io
from base64 import b64decode
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, NamedTuple

import gradio as gr
import soundfile

from stages.common.modality import KINDS, Modality
from stages.evaluation.page.media import as_data_uri
from stages.evaluation.page.templates import environment
from tools.studio.models import Trained

HERE = Path(__file__).parent
TEMPLATES = environment(HERE)
SCRIPTS = (HERE.with_name("taken") / "page/pen.js", HERE / "paper.js")


class Field(NamedTuple):
    """A field of a kind."""

    component: Callable[[str, Sequence[str]], gr.components.Component]  # label, values of labels -> what is shown
    payload: Callable[[Any], bytes | None]  # what stands in it -> a file's bytes, None where it is empty
    value: Callable[[bytes, str], Any]  # a file's bytes and its suffix -> what may stand in it


def paper(label: str, _: Sequence[str]) -> gr.components.Component:
    """To draw on, or to load a picture into."""
    markup = TEMPLATES.get_template("paper.html").render(label=label)
    return gr.HTML(
        value="", html_template=markup, js_on_load="".join(path.read_text(encoding="utf-8") for path in SCRIPTS)
    )


def drawn(value: Any) -> bytes | None:
    """The picture that the field has as a data URL; None where there is none."""
    return b64decode(str(value).partition(",")[2]) or None if value else None


def line(label: str, _: Sequence[str]) -> gr.components.Component:
    return gr.Textbox(label=label, lines=1, max_length=4096)


def choice(label: str, values: Sequence[str]) -> gr.components.Component:
    return gr.Dropdown([("", ""), *((value, value) for value in values)], value="", label=label)


def told(value: Any) -> bytes | None:
    """The words of a caption, a label or a number; None where there are none."""
    return str(value).strip().encode() or None if value is not None else None


def recorded(label: str, _: Sequence[str]) -> gr.components.Component:
    return gr.Audio(sources=["upload", "microphone"], type="filepath", label=f"{label}: load or record", buttons=[])


def file_of(label: str, _: Sequence[str]) -> gr.components.Component:
    return gr.File(type="filepath", label=f"{label}: load a file")


def loaded(value: Any) -> bytes | None:
    return Path(value).read_bytes() if value else None


def stored(content: bytes, suffix: str) -> str:
    """A file where the page looks for uploads, which go in time."""
    with NamedTemporaryFile(suffix=f".{suffix}", dir=gr.utils.get_upload_folder(), delete=False) as file:
        file.write(content)
    return file.name


def words(content: bytes, _: str) -> str:
    return content.decode().strip()


FILE = Field(file_of, loaded, stored)
FIELDS = {
    "image": Field(paper, drawn, lambda content, _: as_data_uri("image", content)),
    "text": Field(line, told, words),
    "audio": Field(recorded, loaded, lambda content, _: soundfile.read(io.BytesIO(content), dtype="int16")[::-1]),
    "label": Field(choice, told, words),
    "number": Field(lambda label, _: gr.Number(value=None, label=label), told, lambda content, _: float(content)),
    "video": FILE,
    "volume": FILE,
    "molecule": Field(line, told, words),
}


def field(name: Modality, models: Sequence[Trained]) -> gr.components.Component:
    """The field of a modality; of a label, the values that any of the models knows."""
    values = {value: None for model in models for value in model.about.labels.get(str(name), ())}
    label = title(name)
    return FIELDS[name.kind].component(label[0].upper() + label[1:], list(values))


def title(name: Modality) -> str:
    """What people call a modality: its kind, and where it has one a name of its own."""
    called = KINDS[name.kind].called
    return called if name == name.kind else f"{name} ({called})"


def payload(name: Modality, value: Any) -> bytes | None:
    """The bytes of what was given, None where nothing was."""
    return FIELDS[name.kind].payload(value)


def value(name: Modality, content: bytes) -> Any:
    """What stands in the field when these bytes are given."""
    return FIELDS[name.kind].value(content, KINDS[name.kind].files[0] if KINDS[name.kind].in_files else "txt")
