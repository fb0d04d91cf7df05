"""The configuration: read, checked, compared, replaced, rolled back. Secrets are masked, and a mask that comes back means the
secret that was there."""

from __future__ import annotations

from typing import Annotated, Any, cast

import msgspec
from flask import Response, request, send_file
from msgspec import Meta

from appliance.calls import trying
from appliance.config import edit
from appliance.config.diff import ShownDiff
from appliance.config.load import MAX_BYTES
from appliance.config.problems import ShownProblem
from appliance.config.store import Version
from appliance.errors import SwitchroomError
from appliance.users.rights import Right
from web.api.routes import api
from web.app import services
from web.config import service
from web.security.access import may
from web.start import greetings
from web.start.greetings import Greeting, KeptGreeting

Text = Annotated[str, Meta(max_length=MAX_BYTES)]


class Document(msgspec.Struct, frozen=True):
    """The document as TOML with secrets as "***"; `version` is the one in force."""

    version: int
    text: str


class NewDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`version`: the one that the text was made from; another one in force is a conflict (409)."""

    text: Text
    version: Annotated[int, Meta(ge=0)]
    summary: Annotated[str, Meta(max_length=200)] = ""


class Candidate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    text: Text


class Verdict(msgspec.Struct, frozen=True):
    ok: bool
    problems: list[ShownProblem]


class DiffQuery(msgspec.Struct, frozen=True):
    """`new` 0: the version in force."""

    old: Annotated[int, Meta(ge=1, le=2**31)]
    new: Annotated[int, Meta(ge=0, le=2**31)] = 0


class GreetingQuery(msgspec.Struct, frozen=True, kw_only=True):
    """`name` of the file."""

    name: Annotated[str, Meta(max_length=200)] = "greeting"


class GreetingMessage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`message`: the id of a kept message, such as one that was said at a phone (see /messages/record)."""

    message: Annotated[str, Meta(max_length=32)]


class TryQuery(msgspec.Struct, frozen=True, kw_only=True):
    """`phone`: dialled at this extension; `line`: called from outside over this line. One of the two."""

    number: Annotated[str, Meta(min_length=1, max_length=64)]
    phone: Annotated[str, Meta(max_length=64)] = ""
    line: Annotated[str, Meta(max_length=64)] = ""


class WhereTo(msgspec.Struct, frozen=True):
    """`reached`: the call comes to somebody. `steps`: how that was decided. In English."""

    reached: bool
    text: str
    steps: list[str]


class RollBack(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: Annotated[int, Meta(ge=1, le=2**31)]


def _whole(text: str) -> str:
    store = services().store
    return edit.restore_secrets(text, store.text()) if store.has_current() else text


@api.get("/config", Right.CONFIG_VIEW, returns=Document)
def config() -> Document:
    """The configuration in force."""
    store = services().store
    return Document(store.version(), store.text(secrets=False))


@api.put("/config", Right.CONFIG_EDIT, returns=Version, body=NewDocument)
def put_config(body: NewDocument) -> Version:
    """Replace it; calls go on. With mistakes nothing changes."""
    return service.apply(services(), _whole(body.text), body.version, body.summary)


@api.post("/config/check", Right.CONFIG_VIEW, returns=Verdict, body=Candidate)
def check_config(body: Candidate) -> Verdict:
    """Every mistake in a document, each with its place."""
    try:
        text = _whole(body.text)
    except SwitchroomError:
        text = body.text  # no TOML: the check says where
    problems = service.check(text).problems
    return Verdict(not problems, [each.shown() for each in problems])


@api.post("/config/diff", Right.CONFIG_VIEW, returns=ShownDiff, body=Candidate)
def diff_candidate(body: Candidate) -> ShownDiff:
    """What a document would change in the one in force. Who may not edit it leaves the secrets masked: "changed" or not would
    tell whether a guess is right."""
    store = services().store
    if not may(Right.CONFIG_EDIT) and edit.has_secrets(body.text):
        raise SwitchroomError("web.forbidden", "You may not write secrets.", "Leave them as ***.")
    return service.compare(store.text(), f"version {store.version()}", _whole(body.text), "new").shown()


@api.get("/config/history", Right.CONFIG_VIEW, returns=list[Version])
def config_history() -> list[Version]:
    """All versions, newest first."""
    return services().store.history()


@api.get("/config/versions/<int:number>", Right.CONFIG_VIEW, returns=Document)
def config_version(number: int) -> Document:
    """A version as it was."""
    return Document(number, services().store.text(number, secrets=False))


@api.get("/config/diff", Right.CONFIG_VIEW, returns=ShownDiff, query=DiffQuery)
def diff_config(query: DiffQuery) -> ShownDiff:
    """What differs between two versions."""
    store = services().store
    new = query.new or store.version()
    return service.compare(store.text(query.old), f"version {query.old}", store.text(new), f"version {new}").shown()


@api.get("/config/try", Right.CONFIG_VIEW, returns=WhereTo, query=TryQuery)
def try_config(query: TryQuery) -> WhereTo:
    """What happens where this number is dialled, by the configuration in force. Nobody is called."""
    answer = trying.ask(services().config, query.number, phone=query.phone, line=query.line)
    return WhereTo(answer.good, str(answer.text), [str(step) for step in answer.steps])


@api.post_file("/config/greetings", Right.CONFIG_EDIT, returns=Greeting, query=GreetingQuery)
def upload_greeting(query: GreetingQuery) -> Greeting:
    """A recording as the body (WAV, MP3, Ogg or FLAC), made ready; `words` of the answer name it in the document."""
    if not request.content_length:
        raise SwitchroomError("message.empty", "There is no file.", "Send the recording as the body.")
    return greetings.upload(cast(Any, request.stream), query.name)


@api.get("/config/greetings", Right.CONFIG_VIEW, returns=list[KeptGreeting])
def all_greetings() -> list[KeptGreeting]:
    """Recordings for the configuration to name, and those that were made at a phone for a menu, queue or mailbox."""
    return greetings.all_kept()


@api.post("/config/greetings/message", Right.CONFIG_EDIT, returns=Greeting, body=GreetingMessage, status=201)
def greeting_of_message(body: GreetingMessage) -> Greeting:
    """A kept message as a greeting too; the message stays."""
    return greetings.from_message(body.message)


@api.get("/config/greetings/kept/<name>/sound", Right.CONFIG_VIEW, returns=bytes, content="audio/wav")
def greeting_sound(name: str) -> Response:
    """As callers hear it; `name` as in the list."""
    return send_file(greetings.path_of(name), "audio/wav", conditional=True, etag=False, max_age=0)


@api.delete("/config/greetings/kept/<name>", Right.CONFIG_EDIT)
def remove_kept_greeting(name: str) -> None:
    """One of a phone: callers hear the document's text or file again. A file: refused while the document names it."""
    greetings.remove(name)


@api.delete("/config/greetings/<queue>", Right.CONFIG_EDIT)
def remove_greeting(queue: str) -> None:
    """What was recorded at a phone for this queue: callers hear the document's text or file again."""
    greetings.remove_at_phone(services(), queue)


@api.post("/config/rollback", Right.CONFIG_EDIT, returns=Version, body=RollBack)
def roll_back_config(body: RollBack) -> Version:
    """Make the text of an old version a new one in force; calls go on."""
    return service.roll_back(services(), body.version)
