"""One framework in a process of its own, for peers.py.

As a worker it prepares, says so, and then obeys lines of JSON on stdin, each answered by one on stdout:

    {"do": "run"}               one run, from the input in memory to the logits in memory -> {"ns": ...}
    {"do": "logits", "to": F}   the latest run's logits into F, f4 little-endian         -> {}

With --once it is what a user's own script would be: reads weights and clip, runs it, prints the text.
"""

import argparse
import array
import ctypes
import json
import os
import pathlib
import sys
import time

import npy_file

WARM_UP = 3


def read_weights(path):
    """The tensors of a safetensors file, as numpy f4 arrays."""
    import numpy
    data = pathlib.Path(path).read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8:8 + length])
    header.pop("__metadata__", None)
    dtypes = {"F16": "<f2", "F32": "<f4", "F64": "<f8"}
    tensors = {}
    for name, entry in header.items():
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        values = numpy.frombuffer(data[begin:end], dtypes[entry["dtype"]])
        tensors[name] = values.reshape(entry["shape"]).astype("f4")
    return tensors


def torch_model(weights):
    """LipNet as anybody would write it in PyTorch."""
    import torch
    from torch import nn

    class LipNet(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1 = nn.Conv3d(3, 32, (3, 5, 5), (1, 2, 2), (1, 2, 2))
            self.conv2 = nn.Conv3d(32, 64, (3, 5, 5), 1, (1, 2, 2))
            self.conv3 = nn.Conv3d(64, 96, 3, 1, 1)
            self.pool = nn.MaxPool3d((1, 2, 2))
            self.gru1 = nn.GRU(96 * 4 * 8, 256, bidirectional=True)
            self.gru2 = nn.GRU(512, 256, bidirectional=True)
            self.FC = nn.Linear(512, 28)

        def forward(self, x):
            for conv in self.conv1, self.conv2, self.conv3:
                x = self.pool(torch.relu(conv(x)))
            x = x.permute(2, 0, 1, 3, 4).flatten(2)
            x = self.gru2(self.gru1(x)[0])[0]
            return self.FC(x).permute(1, 0, 2)

    model = LipNet().eval().requires_grad_(False)
    model.load_state_dict({name: torch.from_numpy(values) for name, values in read_weights(weights).items()})
    return model


def export_onnx(arguments):
    """ONNX of a fixed batch, which is what suits the peers best; the exporter that needs no further packages."""
    import torch
    x = torch.zeros(arguments.batch, 3, arguments.frames, 64, 128)
    torch.onnx.export(torch_model(arguments.weights), (x,), arguments.onnx, dynamo=False, input_names=["x"],
                      output_names=["logits"])


class PyTorch:
    """Eager; channels_last_3d (oneDNN) or contiguous, whichever is faster here."""

    def __init__(self, arguments, x):
        import torch
        self.torch = torch
        torch.set_num_threads(arguments.threads)
        self.device = torch.device(arguments.torch_device)
        if self.device.type == "cuda":  # single precision, as everybody else
            torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
        self.x = torch.from_numpy(x)
        layouts = {"channels_last_3d": torch.channels_last_3d, "contiguous": torch.contiguous_format}
        times = {}
        for name in ["channels_last_3d"] if arguments.once else layouts:
            self.use(arguments, layouts[name])
            times[name] = time_best(self.run) if not arguments.once else 0
        best = min(times, key=times.get)
        self.use(arguments, layouts[best])
        self.settings = f"{'compiled' if arguments.peer == 'torch-compile' else 'eager'}, {best}"
        if self.device.type != "cpu":
            self.settings += f", {torch.cuda.get_device_name(self.device)}"
        self.version = torch.__version__

    def use(self, arguments, layout):
        self.layout = layout
        self.model = torch_model(arguments.weights).to(self.device, memory_format=layout)
        if arguments.peer == "torch-compile":
            self.model = self.torch.compile(self.model)

    def run(self):
        with self.torch.inference_mode():
            return self.model(self.x.to(self.device, memory_format=self.layout)).cpu().numpy()


class OnnxRuntime:
    """All graph optimisations; a second start takes the optimised file."""

    def __init__(self, arguments, x):
        import onnxruntime
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = arguments.threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        levels = onnxruntime.GraphOptimizationLevel
        path = arguments.onnx
        optimised = f"{path}.optimised"
        options.graph_optimization_level = levels.ORT_ENABLE_ALL
        if arguments.once and os.path.exists(optimised):
            path = optimised
            options.graph_optimization_level = levels.ORT_DISABLE_ALL
        elif arguments.once:
            options.optimized_model_filepath = optimised
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.x = x
        self.settings = "all graph optimisations"
        self.version = onnxruntime.__version__

    def run(self):
        return self.session.run(None, {"x": self.x})[0]


class OpenVINO:
    """Latency hint, single precision; a second start takes the compiled model from its cache."""

    def __init__(self, arguments, x):
        import openvino
        core = openvino.Core()
        settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": arguments.threads,
                    "INFERENCE_PRECISION_HINT": "f32"}
        if arguments.once:
            settings["CACHE_DIR"] = f"{arguments.onnx}.openvino"
        self.request = core.compile_model(arguments.onnx, "CPU", settings).create_infer_request()
        self.x = x
        self.settings = "latency hint, f32"
        self.version = openvino.__version__.split("-")[0]

    def run(self):
        return self.request.infer({"x": self.x})[0]


class Shape(ctypes.Structure):
    _fields_ = [("rank", ctypes.c_size_t), ("dims", ctypes.c_size_t * 8)]


class Tensor(ctypes.Structure):
    _fields_ = [("dtype", ctypes.c_int), ("shape", Shape), ("data", ctypes.c_void_p)]


class Lipcl:
    """The shared library, called as a C program would; planned once, nothing allocated in a run."""

    def __init__(self, arguments, x):
        self.lipcl = ctypes.CDLL(arguments.shared_object)
        self.lipcl.lipcl_version.restype = ctypes.c_char_p
        self.lipcl.lipcl_context_error.restype = ctypes.c_char_p
        self.lipcl.lipcl_graph_output_shape.restype = ctypes.c_void_p
        self.context = ctypes.c_void_p()
        device, weights, graph = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_void_p()
        self.plan = ctypes.c_void_p()
        selector = arguments.device.encode() if arguments.device else None
        self.call("context_create", ctypes.byref(self.context), None)
        self.call("device_create", self.context, ctypes.byref(device), selector)
        self.call("lipnet_load", self.context, ctypes.byref(weights), str(arguments.weights).encode())
        self.call("graph_create", self.context, ctypes.byref(graph))
        self.call("lipnet_describe", graph, ctypes.c_size_t(arguments.batch), ctypes.c_size_t(arguments.frames), None)
        self.call("plan_create", self.context, ctypes.byref(self.plan), graph, weights, device, None)
        x_tensor, logits = ctypes.POINTER(Tensor)(), ctypes.POINTER(Tensor)()
        shape = ctypes.c_void_p(self.lipcl.lipcl_graph_output_shape(graph, ctypes.c_size_t(0)))
        self.call("clip_load", self.context, ctypes.byref(x_tensor), None, str(arguments.x).encode(), None)
        self.call("tensor_create", self.context, ctypes.byref(logits), ctypes.c_int(0), shape)
        self.inputs, self.outputs = (ctypes.POINTER(Tensor) * 1)(x_tensor), (ctypes.POINTER(Tensor) * 1)(logits)
        self.floats = self.lipcl.lipcl_tensor_count
        self.floats.restype = ctypes.c_size_t
        self.settings = "PoCL" if not arguments.device else arguments.device
        self.version = self.lipcl.lipcl_version().decode()

    def call(self, name, *parameters):
        if getattr(self.lipcl, f"lipcl_{name}")(*parameters):
            sys.exit(f"lipcl_{name}: {self.lipcl.lipcl_context_error(self.context).decode()}")

    def run(self):
        self.call("plan_run", self.context, self.plan, self.outputs, self.inputs)
        return self

    def tobytes(self):
        return ctypes.string_at(self.outputs[0].contents.data, 4 * self.floats(self.outputs[0]))


class Fake:
    """For peers.py --self-test: sleeps instead of computing, and gives the logits of a file, perhaps wrong ones."""

    def __init__(self, arguments, x):
        _, self.logits = npy_file.load(arguments.fake_logits)
        self.logits = array.array("f", list(self.logits) * arguments.batch)
        self.seconds = {"fake-slow": 0.02, "fake-wrong": 0.001, "fake": 0.001}[arguments.peer]
        if arguments.peer == "fake-wrong":
            self.logits[7] += 1e-3
        self.settings, self.version = "sleeps", "0"

    def run(self):
        time.sleep(self.seconds)
        return self.logits


PEERS = {
    "lipcl": Lipcl,
    "torch": PyTorch,
    "torch-compile": PyTorch,
    "onnxruntime": OnnxRuntime,
    "openvino": OpenVINO,
    "fake": Fake,
    "fake-slow": Fake,
    "fake-wrong": Fake,
}
WITHOUT_NUMPY = (Lipcl, Fake)


def time_best(run):
    """The best of a few runs, in seconds; the first one does not count."""
    times = []
    for _ in range(4):
        begin = time.perf_counter()
        run()
        times.append(time.perf_counter() - begin)
    return min(times[1:])


def run_once(arguments):
    import numpy
    clip = numpy.load(arguments.x)  # u8 [T,H,W,3]
    x = numpy.ascontiguousarray(clip.transpose(3, 0, 1, 2)[None], dtype="f4") / numpy.float32(255)
    logits = PEERS[arguments.peer](arguments, x).run()
    print(npy_file.greedy_text(logits[0].ravel().tolist()), flush=True)


def serve(arguments, answers):
    def answer(**what):
        print(json.dumps(what), file=answers, flush=True)

    x = None
    if PEERS[arguments.peer] not in WITHOUT_NUMPY:
        import numpy
        x = numpy.load(arguments.x)
    begin = time.perf_counter()
    peer = PEERS[arguments.peer](arguments, x)
    for _ in range(WARM_UP):
        logits = peer.run()
    answer(settings=peer.settings, version=peer.version, prepare_s=time.perf_counter() - begin)
    for line in sys.stdin:
        command = json.loads(line)
        if command["do"] == "run":
            begin = time.perf_counter_ns()
            logits = peer.run()
            answer(ns=time.perf_counter_ns() - begin)
        else:
            pathlib.Path(command["to"]).write_bytes(logits.tobytes())
            answer()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peer", choices=PEERS)
    parser.add_argument("--once", action="store_true")
    parser.add_argument("--export", action="store_true", help="write the ONNX file instead (torch)")
    parser.add_argument("--x", help="npy: f4 [N,3,T,64,128]; with --once u8 [T,64,128,3]")
    parser.add_argument("--weights")
    parser.add_argument("--onnx")
    parser.add_argument("--library", dest="shared_object", help="liblipcl.so")
    parser.add_argument("--device", help="lipcl's")
    parser.add_argument("--torch-device", default="cpu")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--frames", type=int, default=75)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--fake-logits")
    arguments = parser.parse_args()
    # Frameworks print what they like: it goes to stderr, answers go where stdout was.
    answers = os.fdopen(os.dup(1), "w")
    if not arguments.once:
        os.dup2(2, 1)
    if arguments.export:
        export_onnx(arguments)
        print("{}", file=answers, flush=True)
    elif arguments.once:
        run_once(arguments)
    else:
        serve(arguments, answers)


if __name__ == "__main__":
    main()
