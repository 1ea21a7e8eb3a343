"""Lets a test know which picture of the demo's film a browser shows, by its RTP time.

The demo's server stamps each access unit; the browser's encoded transform reads the stamp beside
the RTP time, before the picture is decoded. Nothing of the page is changed.
"""

READ_STAMPS = """
(() => {
  const reader = `
    const UUID = [0x6f,0x73,0x74,0x69,0x61,0x72,0x49,0x64,0xa5,0x6d,0x6f,0x73,0x74,0x61,0x6d,0x70];
    const place = (bytes) => {
      const last = Math.min(bytes.length - 64, 4096);
      for (let at = 0; at < last; at += 1) {
        let same = 0;
        while (same < 16 && bytes[at + same] === UUID[same]) same += 1;
        if (same === 16) return at + 16;
      }
      return -1;
    };
    onrtctransform = ({ transformer }) => {
      transformer.readable.pipeThrough(new TransformStream({
        transform(frame, out) {
          const bytes = new Uint8Array(frame.data);
          const start = place(bytes);
          if (start > 0) {
            const end = bytes.indexOf(0x5d, start) + 1;
            const text = new TextDecoder().decode(bytes.subarray(start, end));
            postMessage([frame.getMetadata().rtpTimestamp, JSON.parse(text)]);
          }
          out.enqueue(frame);
        },
      })).pipeTo(transformer.writable);
    };`;
  window.stamps = {};
  const Native = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Native {
    // Right at its birth: later a receiver lets pictures pass beside the transform.
    addTransceiver(kind, ...more) {
      const transceiver = super.addTransceiver(kind, ...more);
      if (kind === "video") {
        const url = URL.createObjectURL(new Blob([reader], { type: "text/javascript" }));
        const worker = new Worker(url);
        worker.onmessage = ({ data: [rtp, [stream, index]] }) => {
          (window.stamps[stream] ??= {})[rtp] = index;
        };
        transceiver.receiver.transform = new RTCRtpScriptTransform(worker);
      }
      return transceiver;
    }
  };
})();
"""
