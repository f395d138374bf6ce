"""Which modality a file shows, by its suffix. What is really in it is found out when it is read."""

FILES: dict[str, tuple[str, ...]] = {
    "image": ("png", "jpg", "jpeg", "webp", "gif", "bmp", "tif", "tiff", "pgm", "ppm"),
    "text": ("txt",),
    "audio": ("wav", "flac", "ogg", "oga", "mp3", "aif", "aiff"),
}


def modality_of(suffix: str) -> str | None:
    """The modality of files ``*.<suffix>``, None for those that no modality reads."""
    return next((name for name, suffixes in FILES.items() if suffix.lower() in suffixes), None)
