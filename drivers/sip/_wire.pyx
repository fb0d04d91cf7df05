# cython: language_level=3, boundscheck=False, wraparound=False
"""Records between Python and the SIP thread, as bytes and as Python sees them (ring.h, desc.h). Pure; compiled because every
event and every order of every call is one."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from drivers.base import CODECS, MediaAnswer

cdef enum:
    HEAD = 32            # RING_HEAD: size, type, code, id, a, b, number of strings, nothing
    MOST = 65000         # bytes of one string
    FAR = 10             # what record_far writes before the address
    LOCAL = 7            # what desc_local_decode reads before the address
    CODEC_CHOICES = 3
    NO_CODEC = 255

cdef tuple _DIRECTIONS = ("inactive", "recvonly", "sendonly", "sendrecv")
cdef tuple _CODECS = CODECS
cdef dict _DIRECTION_OF = {name: i for i, name in enumerate(_DIRECTIONS)}
cdef dict _CODEC_OF = {name: i for i, name in enumerate(_CODECS)}


cdef inline char *put16(char *at, uint16_t value) noexcept:
    memcpy(at, &value, 2)
    return at + 2


cdef inline char *put32(char *at, uint32_t value) noexcept:
    memcpy(at, &value, 4)
    return at + 4


def command(uint16_t kind, uint16_t code=0, uint64_t id=0, uint32_t a=0, uint32_t b=0, tuple strings=()):
    cdef Py_ssize_t size = HEAD, n
    cdef bytes text, record
    cdef char *at
    for text in strings:
        n = len(text)
        if n > MOST:
            raise ValueError("a string of a command is too long")
        size += n + 3
    record = PyBytes_FromStringAndSize(NULL, size)
    at = PyBytes_AS_STRING(record)
    memset(at, 0, HEAD)
    at = put16(put16(put32(at, <uint32_t>size), kind), code)
    memcpy(at, &id, 8)
    at = put16(put32(put32(at + 8, a), b), <uint16_t>len(strings)) + 6
    for text in strings:
        n = PyBytes_GET_SIZE(text)
        at = put16(at, <uint16_t>n)
        memcpy(at, PyBytes_AS_STRING(text), n + 1)  # Python ends each with a NUL
        at += n + 1
    return record


def records(bytes buf not None):
    cdef const uint8_t *at = <const uint8_t *>PyBytes_AS_STRING(buf)
    cdef const uint8_t *end = at + PyBytes_GET_SIZE(buf)
    cdef list found = []
    cdef uint32_t size
    while at < end:
        if end - at < HEAD:
            raise ValueError("half a record from the SIP thread")
        memcpy(&size, at, 4)
        if size < HEAD or size > end - at:
            raise ValueError("half a record from the SIP thread")
        found.append(one(at, at + size))
        at += size
    return found


cdef tuple one(const uint8_t *at, const uint8_t *end):
    cdef uint16_t kind, code, n, length
    cdef uint32_t a, b
    cdef uint64_t id
    cdef list strings = []
    memcpy(&kind, at + 4, 2)
    memcpy(&code, at + 6, 2)
    memcpy(&id, at + 8, 8)
    memcpy(&a, at + 16, 4)
    memcpy(&b, at + 20, 4)
    memcpy(&n, at + 24, 2)
    at += HEAD
    for _ in range(n):
        if end - at < 2:
            raise ValueError("a record from the SIP thread has not all its strings")
        memcpy(&length, at, 2)
        at += 2
        if length > end - at:
            raise ValueError("a record from the SIP thread has not all its strings")
        strings.append(PyBytes_FromStringAndSize(<const char *>at, length))
        at += length
    return kind, code, id, a, b, strings


def media_offer(media):
    cdef uint8_t head[LOCAL]
    cdef uint16_t port = media.port
    cdef int i = 4
    memcpy(head, &port, 2)
    head[2] = media.ptime_ms
    head[3] = _DIRECTION_OF[media.direction]
    for name in media.codecs:
        codec = _CODEC_OF.get(name)
        if codec is not None and i < LOCAL:
            head[i] = codec
            i += 1
    while i < LOCAL:
        head[i] = NO_CODEC
        i += 1
    return PyBytes_FromStringAndSize(<char *>head, LOCAL) + (<str>media.host).encode()


def media_answer(bytes block not None):
    cdef const uint8_t *at = <const uint8_t *>PyBytes_AS_STRING(block)
    cdef Py_ssize_t size = PyBytes_GET_SIZE(block)
    cdef uint16_t port, rtcp_port
    if not size:
        return None
    if size < FAR or at[4] >= len(_CODECS) or at[8] >= len(_DIRECTIONS):
        raise ValueError("no description of a far end's audio")
    memcpy(&port, at, 2)
    memcpy(&rtcp_port, at + 2, 2)
    return MediaAnswer(
        host=(<const char *>at)[FAR:size].decode("ascii"), port=port, codec=<str>_CODECS[at[4]], payload_type=at[5],
        telephone_event=at[6], ptime_ms=at[7], direction=<str>_DIRECTIONS[at[8]], rtcp_mux=at[9] != 0, rtcp_port=rtcp_port)
