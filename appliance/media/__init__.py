"""The media engine: RTP, jitter buffer, loss concealment, mixing, playing, recording, DTMF and tones, in C on a thread of its
own; this package is its Python face (`engine.Engine`, `engine.Port`)."""
