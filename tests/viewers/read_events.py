"""Prints what TensorBoard reads in a folder of event files: tag, step and figure of every scalar, as JSON."""

import json
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

events = EventAccumulator(sys.argv[1], size_guidance={"scalars": 0, "tensors": 0})
events.Reload()
found = {tag: [[event.step, event.value] for event in events.Scalars(tag)] for tag in events.Tags()["scalars"]}
for tag in events.Tags()["tensors"]:
    found[tag] = [[event.step, event.tensor_proto.float_val[0]] for event in events.Tensors(tag)]
print(json.dumps(found))
