"""Texts: every name in every language, the same values, numbers and sentences grammatically right."""

from __future__ import annotations

import ast
import random
from datetime import datetime
from pathlib import Path

import pytest
from babel import Locale
from num2words import num2words

from appliance.config.people import usual_breaks, usual_outcomes
from appliance.errors import SwitchroomError
from appliance.prompts import LANGUAGES, Moment, moment, moment_past
from appliance.prompts.catalog import catalog
from appliance.prompts.grammar import LARGEST, Word, counted, digits, number, plural, say, span, vocabulary
from appliance.prompts.texts import FORMS, Pause, Words, pieces, slots, speech

VALUES: dict[str, object] = {
    "plain": 21, "number": 21, "line": 2, "person": 5, "key": "1", "digits": "12", "span": 35,
    "moment": Moment(0, 8, 30), "second": 60, "queue": 2, "message": 2,
}  # fmt: skip


def spoken(words: list[Word], language: str) -> str:
    return speech(language).joiner.join(word.text for word in words)


def sentence(name: str, language: str, **values: object) -> str:
    """A prompt as the clips say it, without pauses."""
    texts = []
    for piece in pieces(language, name):
        if isinstance(piece, Words):
            texts.append(piece.text)
        elif not isinstance(piece, Pause):
            texts.append(spoken(say(values[piece.value], piece.form, language), language))
    return speech(language).joiner.join(texts)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_every_text_noun_and_value(language: str) -> None:
    ours, english = speech(language), speech("en")
    assert list(ours.texts) == list(english.texts)
    assert set(english.nouns) - set(ours.nouns) <= {"thousand"}
    assert set(ours.digits) == {*"0123456789", "star", "hash"}
    assert len(ours.clock.hours) == 24 and len(ours.days.week) == 7
    assert len(ours.days.dates) == len(set(ours.days.dates)) == 31
    assert len(ours.days.months) == len(set(ours.days.months)) == 12
    for name, text in ours.texts.items():
        assert text.strip() == text and text, name
        assert set(slots(language, name)) == set(slots("en", name)), name
        for form in slots(language, name).values():
            assert form in FORMS or form in ours.nouns, (name, form)
        assert text.count("{") == len(slots(language, name)) == text.count("}"), name


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_can_be_said(language: str) -> None:
    clips = catalog(language)
    for name in speech(language).texts:
        for piece in pieces(language, name):
            if isinstance(piece, Words):
                assert clips[piece.name].text == piece.text
                continue
            if isinstance(piece, Pause):
                continue
            words = say(VALUES[piece.form], piece.form, language)
            assert words, name
            assert all(clips[word.name].text == word.text for word in words), name


@pytest.mark.parametrize("language", LANGUAGES)
def test_clip_names_mean_one_text(language: str) -> None:
    texts = {piece.name for name in speech(language).texts for piece in pieces(language, name) if isinstance(piece, Words)}
    words = vocabulary(language)
    assert not texts & set(words)
    assert not ({"beep", "pause-short", "pause-long"} & (texts | set(words)))
    seen: dict[str, str] = {}
    for n in sample_numbers():
        for noun in speech(language).nouns:
            for word in counted(n, noun, language):
                assert seen.setdefault(word.name, word.text) == word.text


@pytest.mark.parametrize("language", LANGUAGES)
def test_vocabulary_holds_every_word_of_any_number(language: str) -> None:
    words = vocabulary(language)
    for n in sample_numbers():
        for noun in speech(language).nouns:
            assert {word.name for word in counted(n, noun, language)} <= set(words), (n, noun)
    for minute in range(60):
        for hour in range(24):
            assert {word.name for word in say(Moment("today", hour, minute), "moment", language)} <= set(words)
    for month in range(1, 13):
        for date in range(1, 32):
            assert {word.name for word in say(Moment(date, 0, month=month), "moment", language)} <= set(words)


def sample_numbers() -> list[int]:
    chosen = random.Random(7)
    return [*range(1200), *range(9990, 10_130), *(chosen.randrange(LARGEST + 1) for _ in range(400)), LARGEST]


def oracle(n: int, language: str) -> str:
    """What num2words says, brought to our way: no comma, no leading "one" before thousand in Slavic languages, 两百."""
    text = str(num2words(n, lang={"uk": "uk", "zh": "zh"}.get(language, language)))
    if language == "en":
        return text.replace(",", "")
    if language == "fi":
        return text.replace(" ", "")
    if language in {"ru", "uk"} and n // 1000 == 1:
        return text.removeprefix("одна ")
    return text


@pytest.mark.parametrize("language", ["en", "fi", "ru", "uk"])
def test_numbers_agree_with_num2words(language: str) -> None:
    for n in sample_numbers():
        ours = spoken(number(n, language), language)
        if language == "fi":
            ours = ours.replace(" ", "")
        assert ours == oracle(n, language), n


def test_russian_and_ukrainian_gender_agrees_with_num2words() -> None:
    for n in range(1, 1000):
        assert spoken(number(n, "ru", "f"), "ru") == num2words(n, lang="ru", gender="f"), n
        assert spoken(number(n, "uk", "f"), "uk") == num2words(n, lang="uk", gender="feminine"), n


CHINESE = {
    0: "零", 2: "二", 10: "十", 12: "十二", 20: "二十", 100: "一百", 105: "一百零五", 110: "一百一十", 115: "一百一十五",
    200: "两百", 222: "两百二十二", 1000: "一千", 1001: "一千零一", 1010: "一千零一十", 1015: "一千零一十五",
    1100: "一千一百", 1105: "一千一百零五", 2000: "两千", 2002: "两千零二", 10_000: "一万", 10_005: "一万零五",
    10_010: "一万零一十", 10_100: "一万零一百", 12_000: "一万两千", 20_000: "两万", 22_222: "两万两千两百二十二",
    100_000: "十万", 120_345: "十二万零三百四十五", 200_000: "二十万", 300_000: "三十万", 999_999: "九十九万九千九百九十九",
}  # fmt: skip


def test_chinese_numbers() -> None:
    assert {n: spoken(number(n, "zh"), "zh") for n in CHINESE} == CHINESE


PHRASES = [
    ("en", "line", {0: "zero lines", 1: "one line", 2: "two lines", 21: "twenty-one lines", 105: "one hundred and five lines",
                    1001: "one thousand and one lines", 1100: "one thousand one hundred lines"}),
    ("en", "minute", {1: "one minute", 35: "thirty-five minutes"}),
    ("en", "person", {1: "one person", 3: "three people"}),
    ("fi", "number", {0: "nolla numeroa", 1: "yksi numero", 2: "kaksi numeroa", 5: "viisi numeroa",
                      21: "kaksikymmentäyksi numeroa", 300: "kolmesataa numeroa"}),
    ("fi", "line", {1: "yksi linja", 5: "viisi linjaa"}),
    ("fi", "hour", {1: "yksi tunti", 2: "kaksi tuntia"}),
    ("ru", "number", {0: "ноль номеров", 1: "один номер", 2: "два номера", 4: "четыре номера", 5: "пять номеров",
                      11: "одиннадцать номеров", 12: "двенадцать номеров", 21: "двадцать один номер",
                      22: "двадцать два номера", 25: "двадцать пять номеров", 101: "сто один номер",
                      111: "сто одиннадцать номеров", 300: "триста номеров", 1000: "тысяча номеров",
                      1002: "тысяча два номера", 2001: "две тысячи один номер", 21_000: "двадцать одна тысяча номеров"}),
    ("ru", "line", {1: "одна линия", 2: "две линии", 5: "пять линий", 21: "двадцать одна линия", 22: "двадцать две линии",
                    112: "сто двенадцать линий"}),
    ("ru", "minute", {1: "одна минута", 3: "три минуты", 35: "тридцать пять минут", 41: "сорок одна минута"}),
    ("ru", "person", {1: "один человек", 3: "три человека", 7: "семь человек"}),
    ("ru", "hour", {1: "один час", 2: "два часа", 5: "пять часов"}),
    ("uk", "number", {1: "один номер", 2: "два номери", 5: "п'ять номерів", 11: "одинадцять номерів",
                      21: "двадцять один номер", 24: "двадцять чотири номери", 300: "триста номерів",
                      2002: "дві тисячі два номери", 5000: "п'ять тисяч номерів"}),
    ("uk", "line", {1: "одна лінія", 2: "дві лінії", 5: "п'ять ліній", 22: "двадцять дві лінії"}),
    ("uk", "hour", {1: "одна година", 2: "дві години", 6: "шість годин"}),
    ("zh", "number", {1: "一个号码", 2: "两个号码", 12: "十二个号码", 22: "二十二个号码", 200: "两百个号码",
                      300: "三百个号码"}),
    ("zh", "line", {1: "一条线路", 2: "两条线路", 5: "五条线路"}),
    ("zh", "minute", {2: "两分钟", 35: "三十五分钟"}),
]  # fmt: skip


@pytest.mark.parametrize(("language", "noun", "table"), PHRASES)
def test_counted_things(language: str, noun: str, table: dict[int, str]) -> None:
    assert {n: spoken(counted(n, noun, language), language) for n in table} == table


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_noun_has_the_form_of_every_plural_category(language: str) -> None:
    rule = Locale.parse(language).plural_form
    for name, noun in speech(language).nouns.items():
        for n in [*range(2000), 20_001, 999_999]:
            category, word = plural(noun, n, language)
            assert category == rule(n) and word == getattr(noun, category), (name, n)


SENTENCES = [
    ("en", "forecast", {"numbers": 300, "lines": 5, "minutes": 35}, "three hundred numbers five lines about thirty-five minutes"),
    ("fi", "forecast", {"numbers": 300, "lines": 5, "minutes": 35},
     "kolmesataa numeroa viisi linjaa noin kolmekymmentäviisi minuuttia"),
    ("ru", "forecast", {"numbers": 301, "lines": 2, "minutes": 41},
     "триста один номер две линии примерное время сорок одна минута"),
    ("uk", "forecast", {"numbers": 301, "lines": 2, "minutes": 125},
     "триста один номер дві лінії орієнтовний час дві години п'ять хвилин"),
    ("zh", "forecast", {"numbers": 300, "lines": 2, "minutes": 35}, "三百个号码两条线路大约需要三十五分钟"),
    ("en", "campaign-progress", {"done": 120, "all": 300, "confirmed": 1},
     "Called one hundred and twenty of three hundred Confirmed one"),
    ("ru", "campaign-progress", {"done": 120, "all": 300, "confirmed": 1},
     "Обзвонено сто двадцать Всего триста Подтвердили один"),
    ("zh", "summary", {"heard": 2, "confirmed": 12, "failed": 0}, "已听完两个人已确认十二个人未接通或未听完零个人"),
    ("en", "closed-until", {"opens": Moment(0, 8, 5)},
     "Calls are not allowed at this hour. They may begin on Monday at eight oh five a.m."),
    ("en", "closed-until", {"opens": Moment("tomorrow", 14, 0)},
     "Calls are not allowed at this hour. They may begin tomorrow at two p.m."),
    ("fi", "closed-until", {"opens": Moment(4, 8, 30)},
     "Tähän aikaan ei saa soittaa. Soitot voi aloittaa perjantaina kello kahdeksan kolmekymmentä"),
    ("ru", "closed-until", {"opens": Moment(1, 21, 31)},
     "В это время звонить нельзя. Обзвон можно начать во вторник в двадцать один час тридцать одну минуту"),
    ("uk", "closed-until", {"opens": Moment(4, 11, 2)},
     "У цей час дзвонити не можна. Обдзвін можна почати у п'ятницю об одинадцятій годині дві хвилини"),
    ("zh", "closed-until", {"opens": Moment("today", 14, 5)}, "现在这个时间不能拨打电话，可以开始的时间是今天下午两点零五分"),
    ("zh", "confirm-ask", {"digit": "1"}, "确认请按一重听请按零。"),
    ("en", "confirm-ask", {"digit": "#"}, "To confirm, press hash To hear the message again, press zero."),
    ("fi", "list-digits", {"number": "12"}, "Luettelo yksi kaksi"),
    ("en", "queue-position", {"place": 3}, "You are number three in the queue."),
    ("fi", "queue-position", {"place": 21}, "Olette jonossa numero kaksikymmentäyksi"),
    ("ru", "queue-position", {"place": 2}, "Ваш номер в очереди два"),
    ("zh", "queue-position", {"place": 2}, "您排在第二位。"),
    ("en", "queue-wait-between", {"low": 5, "high": 10}, "The expected wait is between five minutes and ten minutes"),
    ("fi", "queue-wait-between", {"low": 1, "high": 3},
     "Arvioitu odotusaika on vähintään yksi minuutti ja enintään kolme minuuttia"),
    ("ru", "queue-wait-between", {"low": 1, "high": 5},
     "Примерное время ожидания: не меньше чем одна минута и не больше чем пять минут"),
    ("uk", "queue-wait-between", {"low": 2, "high": 5},
     "Орієнтовний час очікування: щонайменше дві хвилини і щонайбільше п'ять хвилин"),
    ("zh", "queue-wait-between", {"low": 2, "high": 4}, "预计等待时间在两分钟到四分钟之间。"),
    ("en", "queue-wait-most", {"minutes": 3}, "The expected wait is at most three minutes"),
    ("fi", "queue-wait-most", {"minutes": 2}, "Arvioitu odotusaika on enintään kaksi minuuttia"),
    ("en", "queue-status", {"count": 3, "minutes": 2}, "three waiting. The longest wait is two minutes"),
    ("zh", "queue-status", {"count": 2, "minutes": 12}, "有两个人在等待，最长已等待十二分钟"),
    ("en", "agent-signed-in", {"queues": 1}, "You are signed in one queue"),
    ("ru", "agent-signed-in", {"queues": 2}, "Вы вошли в систему две очереди"),
    ("uk", "agent-signed-in", {"queues": 5}, "Ви увійшли в систему п'ять черг"),
    ("fi", "agent-signed-in", {"queues": 2}, "Olet kirjautunut sisään kaksi jonoa"),
    ("zh", "voicemail-count", {"new": 2, "old": 12}, "新留言两条旧留言十二条"),
    ("zh", "voicemail-message", {"n": 2, "all": 5}, "第二条留言，一共五条"),
    ("ru", "callback-offer", {"digit": "*"},
     "Если вы хотите, чтобы мы вам перезвонили, нажмите звёздочку Ваше место в очереди сохранится."),
    ("uk", "callback-offer", {"digit": "#"},
     "Якщо ви хочете, щоб ми вам передзвонили, натисніть решітку Ваше місце в черзі збережеться."),
    ("fi", "callback-offer", {"digit": "#"},
     "Jos haluatte mieluummin, että soitamme teille, painakaa ruutua Paikkanne jonossa säilyy."),
    ("en", "voicemail-received", {"when": Moment(26, 8, 0, month=11)},
     "Received on the twenty-sixth of November at eight a.m."),
    ("fi", "voicemail-received", {"when": Moment(5, 8, 0, month=3)}, "Saapunut viidentenä maaliskuuta kello kahdeksan"),
    ("ru", "voicemail-received", {"when": Moment(21, 13, 0, month=5)},
     "Получено двадцать первого мая в тринадцать часов"),
    ("uk", "voicemail-received", {"when": Moment("yesterday", 11, 0)}, "Отримано вчора об одинадцятій годині"),
    ("zh", "voicemail-received", {"when": Moment(20, 14, 0, month=10)}, "收到的时间是十月二十号下午两点"),
    ("en", "parked-at", {"slot": 4}, "The call is parked at four"),
]  # fmt: skip


@pytest.mark.parametrize(("language", "name", "values", "expected"), SENTENCES)
def test_sentences(language: str, name: str, values: dict[str, object], expected: str) -> None:
    assert sentence(name, language, **values) == expected


def test_span_rounds_up_and_turns_to_hours() -> None:
    said = {m: spoken(span(m, "en"), "en") for m in (0, 0.2, 34.1, 60, 89, 90, 120)}
    assert said == {
        0: "one minute", 0.2: "one minute", 34.1: "thirty-five minutes", 60: "one hour", 89: "eighty-nine minutes",
        90: "one hour thirty minutes", 120: "two hours",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("then", "said"),
    [
        (datetime(2026, 11, 26, 8, 5), Moment("today", 8, 5)),
        (datetime(2026, 11, 25, 23, 59), Moment("yesterday", 23, 59)),
        (datetime(2026, 11, 24, 9, 0), Moment(1, 9, 0)),
        (datetime(2026, 11, 20, 9, 0), Moment(4, 9, 0)),
        (datetime(2026, 11, 19, 9, 0), Moment(19, 9, 0, month=11)),
        (datetime(2025, 2, 1, 9, 0), Moment(1, 9, 0, month=2)),
        (datetime(2026, 11, 27, 9, 0), Moment(27, 9, 0, month=11)),
    ],
)
def test_a_time_that_is_past(then: datetime, said: Moment) -> None:
    assert moment_past(datetime(2026, 11, 26, 12, 0), then) == said


def test_the_usual_breaks_and_outcomes_can_be_said() -> None:
    texts = speech("en").texts
    assert {f"reason-{each.name}" for each in usual_breaks()} <= set(texts)
    assert {f"outcome-{each.name}" for each in usual_outcomes()} <= set(texts)


def test_digits_leave_out_what_is_none() -> None:
    assert spoken(digits("+358 (40) 12#*", "en"), "en") == "three five eight four zero one two hash star"
    assert spoken(digits("110", "zh"), "zh") == "幺幺零"
    assert spoken(digits("1", "zh", keys=True), "zh") == "一"


def test_moment_is_said_within_a_week_only() -> None:
    now = datetime(2026, 11, 20, 20, 0)  # a Friday
    assert moment(now, datetime(2026, 11, 20, 21, 15)) == Moment("today", 21, 15)
    assert moment(now, datetime(2026, 11, 21, 8, 0)) == Moment("tomorrow", 8, 0)
    assert moment(now, datetime(2026, 11, 23, 8, 0)) == Moment(0, 8, 0)
    assert moment(now, datetime(2026, 11, 26, 8, 0)) == Moment(3, 8, 0)
    assert moment(now, datetime(2026, 11, 27, 8, 0)) is None
    assert moment(now, datetime(2026, 11, 20, 8, 0)) is None


@pytest.mark.parametrize(
    ("call", "id"),
    [
        (lambda: number(LARGEST + 1, "en"), "prompts.number-range"),
        (lambda: number(-1, "ru"), "prompts.number-range"),
        (lambda: speech("xx"), "prompts.no-language"),
        (lambda: pieces("en", "no-such-prompt"), "prompts.unknown"),
        (lambda: counted(1, "cat", "en"), "prompts.unknown-noun"),
        (lambda: say("tomorrow", "moment", "en"), "prompts.bad-value"),
        (lambda: say("many", "line", "en"), "prompts.bad-value"),
        (lambda: say(float("nan"), "span", "en"), "prompts.bad-value"),
    ],
)
def test_what_cannot_be_said(call: object, id: str) -> None:
    with pytest.raises(SwitchroomError) as caught:
        call()  # type: ignore[operator]
    assert caught.value.id == id and caught.value.hint


def test_call_flows_ask_for_prompts_that_exist_with_the_values_they_need() -> None:
    """A misspelt name would be found by a caller otherwise."""
    asked = 0
    for path in (Path(__file__).parents[2] / "appliance" / "calls").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or not node.args or not isinstance(node.args[0], ast.Constant):
                continue
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            name = node.args[0].value
            if called not in {"clips", "_clips", "_say", "Goodbye"} or name in {"beep", "pause-short", "pause-long"}:
                continue
            asked += 1
            given = {keyword.arg for keyword in node.keywords}
            assert given >= set(slots("en", name)) or None in given, f"{path.name}:{node.lineno} {name}"
    assert asked > 5
