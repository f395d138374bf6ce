"""The studio for people: give what you like, tick what shall be made, look and listen.

One field a modality; what is left empty is not given. Made samples are HTML with all they show in it, and so is the
archive to take away: the server keeps none of them, and what is uploaded goes after an hour or with the server.
"""

import io
import json
import zipfile
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
from fastapi import FastAPI
from pydantic import ValidationError

from stages.common.modality import Modality, suffix_of, tensor_of
from stages.evaluation.page.examples import view
from tools.generate import named_files
from tools.given import WRITTEN, Inputs
from tools.studio.fields import TEMPLATES, field, payload, title, value
from tools.studio.models import Files, Trained
from tools.studio.schema import Walk, Wanted, in_words

UPLOAD, KEPT_S = "16mb", 3600  # of a file, at most; and how long it is kept
COUNT, STEPS = 24, 16  # samples and steps of a walk on the page, at most
ENDS = ((0, "From sample"), (1, "To sample"))
HEADING = "# Draw, write, speak\n\nGive what you like, tick what shall be made. What is left empty is not given."

Work = Callable[[Trained, Mapping[str, Any], Inputs], str]  # a model, what is wanted, what is given -> HTML


def mount(app: FastAPI, models: Sequence[Trained]) -> FastAPI:
    """The page at /, beside what the app serves already."""
    fonts = ("system-ui", "sans-serif")  # nothing is loaded from elsewhere
    return gr.mount_gradio_app(
        app, page(models), "/", max_file_size=UPLOAD, footer_links=[], css_paths=Path(__file__).with_name("page.css"),
        theme=gr.themes.Default(font=fonts, font_mono=("ui-monospace", "monospace")),
    )  # fmt: skip


def page(models: Sequence[Trained]) -> gr.Blocks:
    """Fields on the left; settings and what was made on the right."""
    names = list({name: modality for model in models for name, modality in model.names.items()}.values())
    with gr.Blocks(title="Studio", delete_cache=(KEPT_S // 4, KEPT_S), analytics_enabled=False) as blocks:
        gr.Markdown(HEADING)
        gr.Markdown(told_of(models))
        with gr.Row():
            with gr.Column(min_width=300, scale=2):
                found = examples(models[0])
                with gr.Row():
                    buttons = [
                        gr.Button(label(*one), size="sm", min_width=140, elem_classes="example") for one in found
                    ]
                fields = [field(name, models) for name in names]
            with gr.Column(min_width=300, scale=3):
                told = [*fields, *settings(models[0], names)]
                with gr.Row():
                    make = gr.Button("Make", variant="primary")
                    nothing = gr.Button("From nothing")
                with gr.Row():
                    shown = [gr.HTML(elem_classes="made") for _ in models]
                with gr.Accordion("A walk from one sample to another", open=False):
                    with gr.Row():
                        ends = [gr.Number(place, precision=0, minimum=0, label=label) for place, label in ENDS]
                        steps = gr.Slider(2, STEPS, 8, step=1, label="Steps")
                    walk = gr.Button("Walk")
                    with gr.Row():
                        walked = [gr.HTML(elem_classes="made") for _ in models]
        quiet: dict[str, Any] = {"api_visibility": "private"}  # for programs there is `service`
        for button, example in zip(buttons, found, strict=True):
            button.click(partial(filled, example, names), None, fields, **quiet)
        make.click(partial(said, models, model_made, names), told, shown, **quiet)
        nothing.click(partial(said, models, model_made, names, given=False), told, shown, **quiet)
        walk.click(partial(said, models, model_walked, names), [*told, *ends, steps], walked, **quiet)
    return blocks.queue(max_size=64)


def settings(model: Trained, names: Sequence[Modality]) -> list[gr.components.Component]:
    """What is made, how much of it, and how it is drawn, as `said_by` takes them."""
    usual, called = model.sampler.settings, [str(name) for name in names]
    make = gr.CheckboxGroup(called, value=called, label="Make, of what is not given")
    count = gr.Slider(1, COUNT, 6, step=1, label="Samples")
    seed = gr.Number(model.sampler.seed, precision=0, label="Seed: another one, other samples")
    with gr.Accordion("How they are drawn", open=False):
        guidance = gr.Slider(1, 4, usual.guidance, label="Guidance: more, nearer to what is given")
        prior = gr.Slider(0.05, 1, usual.prior_temperature, label="Temperature: less, more usual samples")
        decoder = gr.Slider(0.05, 1, usual.decoder_temperature, label="Temperature of each modality's own part")
    return [make, count, seed, guidance, prior, decoder]


def told_of(models: Sequence[Trained]) -> str:
    """Which data each model knows."""
    lines = []
    for model in models:
        kinds = ", ".join(f"{title(name)}s" if name == name.kind else title(name) for name in model.names.values())
        lines.append(f"**{model.name}** knows {kinds}. Its data: {model.data_licence.splitlines()[0]}")
    return "\n\n".join(lines)


def said(models: Sequence[Trained], work: Work, names: Sequence[Modality], *told: Any, given: bool = True) -> list[str]:
    """HTML of each model; with nothing `given` the fields don't count."""
    counted = told if given else (*[None] * len(names), *told[len(names) :])
    return [said_by(model, work, names, counted) for model in models]


def said_by(model: Trained, work: Work, names: Sequence[Modality], told: Sequence[Any]) -> str:
    """HTML of what a model does with what stands in the fields, or of the line that says why it does not."""
    make, count, seed, guidance, prior, decoder, *ends = told[len(names) :]
    wanted: dict[str, Any] = {"count": int(count), "seed": seed, "guidance": guidance}
    wanted |= {"prior_temperature": prior, "decoder_temperature": decoder}
    wanted |= dict(zip(("start", "end", "steps"), ends, strict=False))
    try:
        found = {str(name): payload(name, value) for name, value in zip(names, told, strict=False)}
        given = {name: content for name, content in found.items() if content is not None}
        return work(model, wanted | {"make": [name for name in make if name not in given]}, model.inputs([given]))
    except ValidationError as error:
        return refused(model, in_words(error.errors()[0]))
    except ValueError as error:
        return refused(model, str(error))


def refused(model: Trained, line: str) -> str:
    return TEMPLATES.get_template("refused.html").render(model=model.name, line=" ".join(line.split()))


def model_made(model: Trained, told: Mapping[str, Any], given: Inputs) -> str:
    wanted = Wanted(**told)
    (made,) = model.make(wanted, given)
    several = len(next(iter(given.values()))) > 1  # of one there is nothing to tell
    return rendered(model, wanted, given, made, model.contributions(wanted, given) if several else {})


def model_walked(model: Trained, told: Mapping[str, Any], given: Inputs) -> str:
    wanted = Walk(**told)
    return rendered(model, wanted, given, model.walk(wanted, given), {})


def rendered(model: Trained, wanted: Wanted, given: Inputs, made: Sequence[Files], brought: Mapping[str, float]) -> str:
    """The samples to see and hear, what each given modality brought, and an archive of it all."""
    names = model.sampler.dataset.names
    views = [view(files, names) for files in made]
    archive = b64encode(archived(made, model.card(wanted, given), names)).decode()
    return TEMPLATES.get_template("made.html").render(
        model=model.name, views=views, brought=brought, archive=archive, given=next(iter(given.values()))
    )


def archived(made: Sequence[Files], card: Mapping[str, Any], names: Sequence[str]) -> bytes:
    """A ZIP of the files of each sample and of the card."""
    into = io.BytesIO()
    with zipfile.ZipFile(into, "w") as archive:
        archive.writestr("card.json", json.dumps(card, indent=2, sort_keys=True, ensure_ascii=False) + "\n")
        for number, files in enumerate(made):
            for file, content in named_files(str(number), files, names):
                archive.writestr(file, content)
    return into.getvalue()


def examples(model: Trained) -> list[tuple[Modality, bytes]]:
    """Of each modality an item that the model made, each of another sample."""
    names = list(model.names.values())
    (made,) = model.make(Wanted(count=len(names)), model.inputs([{}]))
    return [(name, files[suffix_of(name)]) for name, files in zip(names, made, strict=True)]


def label(name: Modality, content: bytes) -> str:
    """What an example's button says."""
    said = f": {content.decode().strip()}" if tensor_of(name) in WRITTEN else ""
    return f"Example: {title(name)}{said}"


def filled(example: tuple[Modality, bytes], names: Sequence[Modality]) -> list[Any]:
    """The fields with an example in one of them, and the others empty."""
    return [value(name, example[1]) if name == example[0] else None for name in names]
