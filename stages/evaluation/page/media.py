"""Samples as the page holds them: as they are, or lighter where there is more than a page can carry."""

from base64 import b64encode
from functools import lru_cache

from stages.common.modality import kind_of
from stages.data.kinds.modalities import MODALITIES


@lru_cache(maxsize=4096)
def as_data_uri(name: str, payload: bytes, *, light: bool = False) -> str:
    """What the page shows of an item of modality `name`: text, or a medium as a data URI."""
    if not is_shown(name):
        return payload.decode("utf-8", "replace").strip()
    kind, content = MODALITIES[kind_of(name)].shown(payload, light)
    return f"data:{kind};base64,{b64encode(content).decode()}"


def is_shown(name: str) -> bool:
    """Is it looked at or played, and not read?"""
    return hasattr(MODALITIES[kind_of(name)], "shown")


def medium(uri: str, name: str) -> str:
    """Of what `as_data_uri` gave: image, audio, video or text."""
    return uri.removeprefix("data:").partition("/")[0] if is_shown(name) else "text"
