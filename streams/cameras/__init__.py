"""How pictures come in: RTSP and RTP as pure code, RTSP and WebRTC connections, what all share."""
