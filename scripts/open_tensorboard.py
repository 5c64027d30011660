"""Reads a run's event files as TensorBoard does and says what it found, as JSON; a test calls it.

    python scripts/open_tensorboard.py RUN
"""
import io
import json
import sys

from PIL import Image
from google.protobuf import json_format
from tensorboard import context
from tensorboard.backend.event_processing import data_provider, event_accumulator, plugin_event_multiplexer
from tensorboard.plugins import base_plugin
from tensorboard.plugins.custom_scalar import layout_pb2
from tensorboard.plugins.custom_scalar import metadata as custom_scalar
from tensorboard.plugins.hparams import api_pb2, backend_context, list_session_groups


def pictures(accumulator):
    found = {}
    for tag in accumulator.Tags()["images"]:
        for e in accumulator.Images(tag):
            image = Image.open(io.BytesIO(e.encoded_image_string))
            image.load()
            assert image.size == (e.width, e.height), tag
            found.setdefault(tag, []).append([e.step, *image.size, image.mode])
    return found


def tensors(accumulator, plugin):
    texts = {}
    for tag, _ in accumulator.PluginTagToContent(plugin).items():
        texts[tag] = [[e.step, e.tensor_proto.string_val[0]] for e in accumulator.Tensors(tag)]
    return texts


def hyperparameters(path):
    """What the table of the hparams plugin shows of the run."""
    multiplexer = plugin_event_multiplexer.EventMultiplexer()
    multiplexer.AddRunsFromDirectory(path)
    multiplexer.Reload()
    provider = data_provider.MultiplexerDataProvider(multiplexer, path)
    backend = backend_context.Context(base_plugin.TBContext(data_provider=provider))
    request = api_pb2.ListSessionGroupsRequest(
        start_index=0, slice_size=10, aggregation_type=api_pb2.AGGREGATION_AVG,
        allowed_statuses=[api_pb2.STATUS_UNKNOWN, api_pb2.STATUS_SUCCESS, api_pb2.STATUS_FAILURE, api_pb2.STATUS_RUNNING])
    answer = list_session_groups.Handler(context.RequestContext(), backend, "", request).run()
    assert len(answer.session_groups) == 1
    group = answer.session_groups[0]
    return {
        "settings": {k: json_format.MessageToDict(v) for k, v in group.hparams.items()},
        "metrics": {m.name.tag: [m.training_step, m.value] for m in group.metric_values},
        "status": api_pb2.Status.Name(group.sessions[0].status),
    }


def main():
    path = sys.argv[1]
    accumulator = event_accumulator.EventAccumulator(path, size_guidance={event_accumulator.IMAGES: 0, event_accumulator.SCALARS: 0, event_accumulator.TENSORS: 0})
    accumulator.Reload()
    layout = layout_pb2.Layout.FromString(accumulator.Tensors(custom_scalar.CONFIG_SUMMARY_TAG)[0].tensor_proto.string_val[0])
    print(json.dumps({
        "scalars": {tag: [[e.step, e.value] for e in accumulator.Scalars(tag)] for tag in accumulator.Tags()["scalars"]},
        "images": pictures(accumulator),
        "texts": {tag: [[step, text.decode()] for step, text in all] for tag, all in tensors(accumulator, "text").items()},
        "charts": {chart.title: list(chart.multiline.tag) for category in layout.category for chart in category.chart},
        "hparams": hyperparameters(path),
    }))


main()
