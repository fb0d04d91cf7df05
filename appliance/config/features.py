"""The tables about what phones can do: codes, codes within a call, voicemail, parking, music."""

# ruff: noqa: RUF012 - msgspec copies empty [] and {} for each struct

from typing import Annotated

from msgspec import Meta

from appliance.config.kinds import (
    Code,
    FileName,
    MailAddress,
    MusicName,
    Name,
    PhoneExtension,
    Pin,
    Table,
    Words,
)
from appliance.config.values import Target


class Codes(Table, frozen=True, kw_only=True):
    """What phones dial to make the box do something. An empty code switches its service off. Digits shown as N, after
    the code, may also be left out: the box then asks for them."""

    sign_in: Annotated[Code, Meta(description="An agent signs in to all queues; the PIN is asked for.")] = "*41"
    sign_out: Annotated[Code, Meta(description="The agent signs out.")] = "*42"
    ready: Annotated[Code, Meta(description="The agent is ready again, after a break or missed calls.")] = "*43"
    take_break: Annotated[Code, Meta(description="A break for reason N of [[breaks]]: *441.")] = "*44"
    wrap_up_end: Annotated[Code, Meta(description="The pause after a call ends now.")] = "*45"
    wrap_up_extend: Annotated[Code, Meta(description="The pause after a call gets longer.")] = "*46"
    outcome: Annotated[Code, Meta(description="The last call ended with outcome N of [[outcomes]]: *471.")] = "*47"
    queue_status: Annotated[
        Code, Meta(description="How many wait, and how long: of the queue with the number N, else of the agent's own.")
    ] = "*48"
    night_switch: Annotated[
        Code, Meta(description="Opening hours: by the clock, open or closed; N is the `code` of single hours.")
    ] = "*28"
    voicemail: Annotated[Code, Meta(description="Listen to the messages of this phone.")] = "*97"
    voicemail_other: Annotated[Code, Meta(description="Listen to another mailbox: its number, then its PIN.")] = "*98"
    leave_message: Annotated[
        Code, Meta(description="Leave a message for the phone, queue or menu with the number N, or transfer a caller there.")
    ] = "*96"
    record_greeting: Annotated[
        Code, Meta(description="Record a greeting: of the mailbox of this phone, or of the menu or queue with the number N.")
    ] = "*77"
    pick_up: Annotated[Code, Meta(description="Pick up the call that rings at extension N: **101.")] = "**"
    pick_up_group: Annotated[Code, Meta(description="Pick up any call that rings in the group.")] = "*8"
    park: Annotated[
        Code, Meta(description="A call transferred here is parked; the slot is told. N: in that slot.")
    ] = "*50"
    unpark: Annotated[Code, Meta(description="Take the call parked in slot N: *511.")] = "*51"
    call_back_last: Annotated[Code, Meta(description="Call whoever called this phone last.")] = "*69"
    do_not_disturb_on: Annotated[Code, Meta(description="This phone does not ring.")] = "*78"
    do_not_disturb_off: Annotated[Code, Meta(description="This phone rings again.")] = "*79"
    forward_always_on: Annotated[Code, Meta(description="All calls go to the number N, dialled as from this phone.")] = "*72"
    forward_always_off: Annotated[Code, Meta(description="Not any more.")] = "*73"
    forward_busy_on: Annotated[Code, Meta(description="Calls while busy go to the number N.")] = "*90"
    forward_busy_off: Annotated[Code, Meta(description="Not any more.")] = "*91"
    forward_no_answer_on: Annotated[Code, Meta(description="Calls that nobody answers go to the number N.")] = "*92"
    forward_no_answer_off: Annotated[Code, Meta(description="Not any more.")] = "*93"
    forward_unregistered_on: Annotated[
        Code, Meta(description="Calls while the phone is not connected go to the number N.")
    ] = "*94"
    forward_unregistered_off: Annotated[Code, Meta(description="Not any more.")] = "*95"
    pin_tries: Annotated[
        int, Meta(ge=1, le=20, description="After so many wrong PINs in a row an agent or mailbox is locked.")
    ] = 3
    pin_lock_minutes: Annotated[float, Meta(gt=0, le=1440, description="It stays locked so long.")] = 10.0

    def in_use(self) -> dict[str, str]:
        """Each code that is not empty, and the key that has it."""
        return {code: key for key in self.__struct_fields__ if isinstance(code := getattr(self, key), str) and code}


class CallKeys(Table, frozen=True, kw_only=True):
    """What the agent or the phone of the house presses during a call. Phones with keys of their own for this (REFER) need
    none of it. An empty code switches its service off."""

    blind_transfer: Annotated[Code, Meta(description="Then the number: the other party is put through at once.")] = "##"
    attended_transfer: Annotated[
        Code, Meta(description="Then the number: the other party waits while you talk; hang up to put through.")
    ] = "*2"
    conference: Annotated[Code, Meta(description="While another party waits: all three talk.")] = "*3"
    go_back: Annotated[Code, Meta(description="While another party waits: give up the second call, and go back.")] = "*0"
    record: Annotated[Code, Meta(description="Recording on demand: on, off.")] = "*1"
    record_pause: Annotated[Code, Meta(description="A pause in the recording, while a card number is spoken; again: on.")] = "*4"
    park: Annotated[Code, Meta(description="The other party is parked; the slot is told.")] = "*5"
    digit_seconds: Annotated[float, Meta(ge=0.3, le=10, description="The keys of a code follow each other within this.")] = 1.5

    def in_use(self) -> dict[str, str]:
        """Each code that is not empty, and the key that has it."""
        return {code: key for key in self.__struct_fields__ if isinstance(code := getattr(self, key), str) and code}


class Voicemail(Table, frozen=True, kw_only=True):
    """What holds for every mailbox. Phones, agents, queues and menus have one by their name without being asked."""

    max_seconds: Annotated[int, Meta(ge=5, le=1800, description="Longest message.")] = 180
    min_seconds: Annotated[float, Meta(ge=0, le=10, description="Shorter ones are not kept.")] = 2.0
    max_messages: Annotated[int, Meta(ge=1, le=10000, description="Most messages in a mailbox; then callers are told.")] = 100
    keep_days: Annotated[int, Meta(ge=0, le=3650, description="Messages are erased after so long; 0: never.")] = 90
    mail_audio: Annotated[bool, Meta(description="The mail about a message has the audio with it.")] = True
    delete_after_mail: Annotated[
        bool, Meta(description="true: a message that was delivered by mail is not kept on the box.")
    ] = False


class Mailbox(Table, frozen=True, kw_only=True):
    """A mailbox that differs from the usual one, or that is nobody's own."""

    name: Annotated[
        Name, Meta(description="Whose it is: the extension, agent, queue or menu; or another name for voicemail:NAME.")
    ]
    pin: Annotated[
        Pin | None,
        Meta(description="Asked for from any other phone than its owner's; empty: only its own phones can listen."),
    ] = None
    email: Annotated[
        list[MailAddress], Meta(max_length=16, description="Who is told; empty: the `email` of the phone or agent.")
    ] = []
    greeting: Annotated[Words, Meta(description="Told to callers; empty: a built-in text.")] = ""
    phones: Annotated[
        list[PhoneExtension],
        Meta(max_length=50, description="Phones whose lamp shows its messages, and that listen without a PIN."),
    ] = []
    max_seconds: Annotated[
        Annotated[int, Meta(ge=5, le=1800)] | None, Meta(description="Longest message; empty: as in [voicemail].")
    ] = None
    max_messages: Annotated[
        Annotated[int, Meta(ge=1, le=10000)] | None, Meta(description="Most messages; empty: as in [voicemail].")
    ] = None


class Parking(Table, frozen=True, kw_only=True):
    """Calls put aside for anyone to take."""

    slots: Annotated[int, Meta(ge=1, le=99, description="Calls parked at once; slots are numbered from 1.")] = 9
    timeout_seconds: Annotated[
        int, Meta(ge=10, le=3600, description="A call that nobody took rings at the phone that parked it after this.")
    ] = 120
    when_not_taken: Annotated[
        Target | None, Meta(description="Where it goes if nobody answers there; empty: that phone's voicemail.")
    ] = None
    music: Annotated[
        MusicName | None, Meta(description='Music meanwhile; empty: the one named "default", else the built-in.')
    ] = None


class Music(Table, frozen=True, kw_only=True):
    """Music for callers who wait. The one named "default" is heard wherever no other is named, also on hold; without it
    a built-in melody is."""

    name: Annotated[Name, Meta(description="Name that queues use.")]
    files: Annotated[
        list[FileName],
        Meta(min_length=1, max_length=100, description="Audio files (WAV, MP3, OGG, FLAC), played one after the other."),
    ]
    shuffle: Annotated[bool, Meta(description="true: in another order each time.")] = False
