"""Every text of the page exists in every language, with the same blanks, and is really used."""

import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import opencc
import pytest

import rag.ui
from rag.ui.texts import EN, ZH, traditional

SOURCES = Path(rag.ui.__file__).parent
BLANK = re.compile(r"\{(\w+)\}")
MARKUP = re.compile(r"[<>&\"`$*_]")


def test_all_languages_have_the_same_keys() -> None:
    assert ZH.keys() == EN.keys() == traditional().keys()


@pytest.mark.parametrize("other", [EN, traditional()])
def test_translations_have_the_same_blanks(other: Mapping[str, str]) -> None:
    differing = {
        key: (ZH[key], other[key]) for key in ZH if sorted(BLANK.findall(ZH[key])) != sorted(BLANK.findall(other[key]))
    }
    assert differing == {}


def test_traditional_texts_hold_no_simplified_character_and_no_known_mistake() -> None:
    taiwan = traditional()
    assert taiwan["error_unknown_hint"] == "詳情寫在啟動有據的那個視窗裡；可以換個說法再問一次。"
    assert taiwan["inferred"] == "按問題裡的昨天、上週等推斷發表日期"
    assert taiwan["searched_as"] == "按「{question}」檢索"
    to_traditional = opencc.OpenCC("s2tw").convert
    left = {key: text for key, text in taiwan.items() if to_traditional(text) != text}
    assert left == {}


def test_the_texts_are_converted_when_they_are_wanted_and_not_at_import() -> None:
    code = "import sys, rag.ui.markup; print('opencc' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_no_text_is_empty_or_left_in_the_other_language() -> None:
    han = re.compile(r"[\u4e00-\u9fff]")
    assert [key for key, text in EN.items() if not text or han.search(text)] == []
    assert [key for key, text in ZH.items() if not han.search(text) and not BLANK.fullmatch(text)] == []


def test_texts_are_plain_words_that_need_no_escaping() -> None:
    assert [text for text in (*ZH.values(), *EN.values()) if MARKUP.search(BLANK.sub("", text))] == []


def test_every_text_is_used() -> None:
    code = "".join(
        path.read_text(encoding="utf-8")
        for path in SOURCES.glob("*.py")
        if path.name not in ("texts.py", "chinese.py", "english.py")
    )
    by_name = {"supported", "partial", "unsupported", "conflicting"}  # support levels, looked up by their own name
    said = set(re.findall(r"[\"'](\w+)[\"']", code))
    looked_up = ("phase_", "stage_", "reason_", "chip_")
    unused = [key for key in ZH if key not in said and not key.startswith(looked_up) and key not in by_name]
    assert unused == []
