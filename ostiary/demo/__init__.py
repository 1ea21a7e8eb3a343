"""The demo: public-domain people in drawn scenes, served as real RTSP cameras.

`plan` says what is set up, `scene` draws and codes it, `rtsp_server` serves it. This file knows
nothing itself.
"""
