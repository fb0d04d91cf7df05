"""Webhooks: their state, what was sent, a test, a new try. They are set by `PUT /config`."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from appliance.messages import Done
from appliance.users.rights import Right
from web.api.routes import api
from web.app import services
from web.hooks import service
from web.hooks.service import HookNow, Told


class MessagesQuery(msgspec.Struct, frozen=True):
    """`of`: of this webhook alone."""

    of: Annotated[str, Meta(max_length=64)] = ""
    limit: Annotated[int, Meta(ge=1, le=1000)] = service.SHOWN


@api.get("/webhooks", Right.CONFIG_EDIT, returns=list[HookNow])
def webhooks() -> list[HookNow]:
    """The webhooks, and whether what they are told is taken."""
    return service.hooks(services())


@api.post("/webhooks/<name>/test", Right.CONFIG_EDIT, returns=Done)
def test_webhook(name: str) -> Done:
    """Have a message sent that says nothing but that it works."""
    service.test(services(), name)
    return Done()


@api.get("/webhooks/messages", Right.CONFIG_EDIT, returns=list[Told], query=MessagesQuery)
def webhook_messages(query: MessagesQuery) -> list[Told]:
    """What was told, newest first, and what became of it."""
    return service.messages(services(), query.of, query.limit)


@api.post("/webhooks/messages/<int:number>/retry", Right.CONFIG_EDIT, returns=Told)
def retry_webhook_message(number: int) -> Told:
    """Try a message again at once, also one that was given up."""
    return service.retry(services(), number)
