//! SDP, RTP, codecs, digits and sounds as state machines
