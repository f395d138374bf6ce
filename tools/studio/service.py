"""The studio for programs: JSON over HTTP, described in /api/openapi.json. What can't be done is one line of JSON.

Files travel as base64; the words of captions, labels and numbers as they are. Nothing that is sent is kept.
"""

import binascii
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response

from stages.common.modality import tensor_of
from tools.given import WRITTEN, Inputs
from tools.studio.models import Files, Trained
from tools.studio.schema import About, Answer, Contribution, Payloads, Refusal, Single, Walk, Wanted, in_words

BODY = 32 * 2**20  # bytes of a request, at most


def service(models: Sequence[Trained]) -> FastAPI:
    """What answers."""
    refusals: dict[int | str, dict[str, Any]] = {422: {"model": Refusal}, 413: {"model": Refusal}}
    app = FastAPI(
        title="Multimodal studio", openapi_url="/api/openapi.json", docs_url=None, redoc_url=None, responses=refusals
    )
    by_name = {model.name: model for model in models}

    def chosen(wanted: Wanted) -> tuple[Trained, Inputs]:
        if wanted.model is not None and wanted.model not in by_name:
            raise ValueError(f"model: expected one of {', '.join(by_name)}, got {wanted.model}; correct it")
        model = models[0] if wanted.model is None else by_name[wanted.model]
        return model, model.inputs([from_json(model, payloads) for payloads in wanted.inputs])

    @app.get("/api/models")
    def list_models() -> list[About]:
        return [model.about for model in models]

    @app.post("/api/samples")
    def make_samples(wanted: Wanted) -> Answer:
        model, given = chosen(wanted)
        made = model.make(wanted, given)
        return Answer(
            samples=[[to_json(model, files) for files in one] for one in made], card=model.card(wanted, given)
        )

    @app.post("/api/walk")
    def walk(wanted: Walk) -> Answer:
        model, given = chosen(wanted)
        path = [to_json(model, files) for files in model.walk(wanted, given)]
        return Answer(samples=[path], card=model.card(wanted, given))

    @app.post("/api/contribution")
    def contribution(wanted: Single) -> Contribution:
        model, given = chosen(wanted)
        return Contribution(shares=model.contributions(wanted, given))

    app.add_exception_handler(ValueError, lambda _, error: refusal(" ".join(str(error).split())))
    app.add_exception_handler(RequestValidationError, lambda _, error: refusal(in_words(error.errors()[0])))
    app.middleware("http")(bounded)
    return app


def from_json(model: Trained, payloads: Payloads) -> dict[str, bytes]:
    """The bytes of each payload. Raises ValueError for what is no base64."""
    found = {}
    for name, told in payloads.items():
        words = name not in model.names or tensor_of(model.names[name]) in WRITTEN
        try:
            found[name] = told.encode() if words else b64decode(told, validate=True)
        except (binascii.Error, ValueError):
            raise ValueError(f"{name}: expected the bytes of a file as base64, got something else; encode it") from None
    return found


def to_json(model: Trained, files: Files) -> Payloads:
    """A sample by modality."""
    return {
        name: content.decode() if tensor_of(model.names[name]) in WRITTEN else b64encode(content).decode()
        for name, content in model.by_name(files).items()
    }


def refusal(line: str, status: int = 422) -> JSONResponse:
    return JSONResponse({"error": line}, status)


async def bounded(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
    """No request is held that is larger than it may be, or does not say how large it is; its sender gets a line."""
    length = request.headers.get("content-length", "")
    if request.method == "POST" and not (length.isdigit() and int(length) <= BODY):
        async for _ in request.stream():  # who is still sending hears no answer
            pass
        return refusal(f"expected a request of at most {BODY} bytes, got {length or 'one of unknown length'}", 413)
    return await answer(request)
