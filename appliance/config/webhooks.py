"""The table of webhooks: which programs are told what happens, and how they know that it is us."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from msgspec import Meta, field

from appliance.config.kinds import FileName, Name, QueueName, Secret, Table

HookEvent = Literal["call.ringing", "call.answered", "call.ended", "call.missed", "voicemail.left", "recording.ready",
                    "campaign.ended"]
HOOK_EVENTS: tuple[HookEvent, ...] = get_args(HookEvent)
WebAddress = Annotated[str, Meta(max_length=500, pattern=r"^https?://[^\s/?#@\\]{1,255}(/[^\s#\\]*)?$")]
MAX_CA = 65_536
HookSecret = Annotated[Secret, Meta(min_length=24)]


class Webhook(Table, frozen=True, kw_only=True):
    """A program that is told by HTTP POST what happens, such as a CRM that shows the caller's card. Each message is signed, and
    tried again until it is taken (docs/webhooks.md)."""

    name: Annotated[Name, Meta(description="Name in pages and logs.")]
    url: Annotated[WebAddress, Meta(description="Address that is called, https://crm.example/switchroom.")]
    secret: Annotated[
        HookSecret,
        Meta(description="What messages are signed with, 24 signs at least; `switchroom webhook secret` makes one."),
    ]
    events: Annotated[
        list[HookEvent], Meta(min_length=1, max_length=20, description="What is told; without it all.")
    ] = field(default_factory=lambda: list(HOOK_EVENTS))
    queues: Annotated[
        list[QueueName], Meta(max_length=100, description="Only calls that came to these queues; empty: all.")
    ] = []  # noqa: RUF012 - msgspec copies it
    active: Annotated[bool, Meta(description="false: nothing is sent, and nothing kept for it.")] = True
    verify: Annotated[bool, Meta(description="Check the certificate of an https address.")] = True
    ca_file: Annotated[
        FileName, Meta(description="PEM file with the certificates that alone are trusted; empty: those of the system.")
    ] = ""
    ca: Annotated[
        str, Meta(max_length=MAX_CA, description="The same as text: what stands between BEGIN CERTIFICATE and END CERTIFICATE.")
    ] = ""
    allow_local: Annotated[
        bool, Meta(description="true: the address may be this machine itself or link-local; otherwise such are refused.")
    ] = False
    timeout_seconds: Annotated[int, Meta(ge=1, le=60, description="Limit of one try.")] = 10
    keep_trying_hours: Annotated[
        int, Meta(ge=1, le=720, description="A message that is not taken is given up after so long.")
    ] = 72
