#!/usr/bin/python3
"""An RTSP camera for tests: H.264 at 15 pictures a second on rtsp://127.0.0.1:PORT/camera (and smaller on /square), and a picture of the clock (clock.ts) on /clock.
Prints 'ready' when it listens."""
import sys
import time

import gi

gi.require_version('Gst', '1.0')
gi.require_version('GstRtspServer', '1.0')
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

Gst.init(None)
server = GstRtspServer.RTSPServer()
server.set_address('127.0.0.1')
server.set_service(sys.argv[1])
for path, width, height in (('/camera', 640, 480), ('/square', 256, 256)):
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_shared(True)
    factory.set_launch(
        f'( videotestsrc is-live=true pattern=ball ! video/x-raw,width={width},height={height},framerate=15/1 ! videoconvert'
        ' ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=15 ! rtph264pay name=pay0 pt=96 config-interval=1 )')
    server.get_mount_points().add_factory(path, factory)

COLUMNS, ROWS, SIDE = 8, 5, 32


def clock_picture():
    ms = time.monotonic_ns() // 1000000
    rows = []
    for row in range(ROWS):
        line = b''.join((b'\xff' if ms >> (row * COLUMNS + column) & 1 else b'\x00') * SIDE for column in range(COLUMNS))
        rows.append(line * SIDE)
    return b''.join(rows)


class Clock(GstRtspServer.RTSPMediaFactory):
    def do_create_element(self, url):
        pipeline = Gst.parse_launch(
            'appsrc name=source is-live=true do-timestamp=true format=time'
            f' caps=video/x-raw,format=GRAY8,width={COLUMNS * SIDE},height={ROWS * SIDE},framerate=25/1 ! videoconvert'
            ' ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=25 ! rtph264pay name=pay0 pt=96 config-interval=1')
        source = pipeline.get_by_name('source')

        def push():
            return source.emit('push-buffer', Gst.Buffer.new_wrapped(clock_picture())) == Gst.FlowReturn.OK

        GLib.timeout_add(40, push)
        return pipeline


clock = Clock()
clock.set_shared(True)
server.get_mount_points().add_factory('/clock', clock)
server.attach(None)
print('ready', flush=True)
GLib.MainLoop().run()
