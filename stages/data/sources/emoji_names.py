"""What emoji are called: names in 14 languages, from the Unicode CLDR as the package `emoji` ships them.

An emoji is a string of one or more code points. Only fully qualified ones count: those that a keyboard sends.
"""

from typing import Literal, get_args

import emoji

Language = Literal["en", "es", "ja", "ko", "pt", "it", "fr", "de", "fa", "id", "zh", "ru", "tr", "ar"]
FULLY_QUALIFIED = emoji.STATUS["fully_qualified"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
# CLDR puts this word in front of the name of a place when it names its flag. The package has it in twelve languages.
FLAG = {"en": "flag", "zh": "旗"}
REGIONAL = range(0x1F1E6, 0x1F1FF + 1)  # regional indicators: two of them are the flag of a country
END_OF_TAGS = "\U000e007f"  # ends the flag of a part of a country, such as Wales


def captions(language: str) -> dict[str, str]:
    """Every emoji and its name, as a caption: without the colons and underscores of the package.

    >>> captions("en")["👩🏿‍🚀"], captions("en")["🇩🇪"], captions("fr")["🇩🇪"]
    ('woman astronaut dark skin tone', 'flag Germany', 'drapeau allemagne')
    """
    emoji.config.load_language(language)
    known = ((one, about) for one, about in emoji.EMOJI_DATA.items() if about["status"] == FULLY_QUALIFIED)
    return {one: caption(one, about[language], language) for one, about in known}


def caption(characters: str, name: str, language: str) -> str:
    """A name of the package, such as ``:grinning_face:``, in words."""
    words = " ".join(name.strip(":").replace("_", " ").split())  # some begin or end with a blank
    return f"{FLAG[language]} {words}" if is_flag(characters) and language in FLAG else words


def is_flag(characters: str) -> bool:
    """Is it the flag of a country, or of a part of one?"""
    return ord(characters[0]) in REGIONAL or characters.endswith(END_OF_TAGS)


def code_points(characters: str) -> str:
    """As Unicode writes them.

    >>> code_points("🇩🇪")
    'U+1F1E9 U+1F1EA'
    """
    return " ".join(f"U+{ord(character):04X}" for character in characters)
