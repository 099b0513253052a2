"""Every text of the page exists in both languages, with the same blanks, and is really used."""

import re
from pathlib import Path

import rag.ui
from rag.ui.texts import EN, ZH

SOURCES = Path(rag.ui.__file__).parent
BLANK = re.compile(r"\{(\w+)\}")
MARKUP = re.compile(r"[<>&\"`$*_]")


def test_both_languages_have_the_same_keys() -> None:
    assert ZH.keys() == EN.keys()


def test_translations_have_the_same_blanks() -> None:
    differing = {
        key: (ZH[key], EN[key]) for key in ZH if sorted(BLANK.findall(ZH[key])) != sorted(BLANK.findall(EN[key]))
    }
    assert differing == {}


def test_no_text_is_empty_or_left_in_the_other_language() -> None:
    han = re.compile(r"[\u4e00-\u9fff]")
    assert [key for key, text in EN.items() if not text or han.search(text)] == []
    assert [key for key, text in ZH.items() if not han.search(text) and not BLANK.fullmatch(text)] == []


def test_texts_are_plain_words_that_need_no_escaping() -> None:
    assert [text for text in (*ZH.values(), *EN.values()) if MARKUP.search(BLANK.sub("", text))] == []


def test_every_text_is_used() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in SOURCES.glob("*.py") if path.name != "texts.py")
    by_name = {"supported", "partial", "unsupported", "conflicting"}  # support levels, looked up by their own name
    said = set(re.findall(r"[\"'](\w+)[\"']", code))
    looked_up = ("phase_", "reason_", "chip_")
    unused = [key for key in ZH if key not in said and not key.startswith(looked_up) and key not in by_name]
    assert unused == []
