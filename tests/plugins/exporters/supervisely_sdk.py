"""Runs in another Python, which has Supervisely's SDK: says what it reads of a folder, or writes one.

    python supervisely_sdk.py read FOLDER     prints what the SDK holds of a project, as JSON
    python supervisely_sdk.py write FOLDER    writes a project with every shape for images

It imports nothing of ours, and no test collects it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import supervisely as sly  # type: ignore[import-not-found]
from supervisely.geometry.graph import KeypointsTemplate, Node  # type: ignore[import-not-found]

HEIGHT_PX, WIDTH_PX = 48, 64


def read(folder: Path) -> Any:
    """Return the classes, tags and annotations of a project as the SDK writes them itself."""
    project = sly.Project(str(folder), sly.OpenMode.READ)
    items = {}
    for dataset in project.datasets:
        for name in dataset:
            annotation = sly.Annotation.load_json_file(dataset.get_ann_path(name), project.meta)
            items[f"{dataset.name}/{name}"] = annotation.to_json()
    return {"meta": project.meta.to_json(), "items": items}


def write(folder: Path) -> None:
    """Write a project with two datasets, one in the other, and one object of each shape.

    In whole pixels: the SDK rounds all others.
    """
    template = KeypointsTemplate()
    template.add_point(label="nose", row=10, col=10)
    template.add_point(label="tail", row=20, col=30)
    template.add_edge(src="nose", dst="tail")
    age = sly.TagMeta("age", sly.TagValueType.ANY_NUMBER, color=[1, 2, 3])
    coat = sly.TagMeta(
        "coat", sly.TagValueType.ONEOF_STRING, possible_values=["red", "grey"],
        applicable_to=sly.TagApplicableTo.OBJECTS_ONLY,
    )  # fmt: skip
    night = sly.TagMeta("night", sly.TagValueType.NONE, applicable_to=sly.TagApplicableTo.IMAGES_ONLY)
    corner = sly.PointLocation
    ring = [corner(1, 1), corner(1, 21), corner(31, 21)]
    hole = [corner(3, 15), corner(3, 19), corner(9, 19)]
    mask = np.array([[1, 0, 1], [0, 1, 0]], dtype=bool)
    shapes = {
        "box": sly.Rectangle(2, 3, 20, 30),
        "ring": sly.Polygon(ring, [hole]),
        "mask": sly.Bitmap(mask, origin=corner(5, 7)),
        "line": sly.Polyline(ring),
        "spot": sly.Point(4, 6),
        "turned": sly.OrientedBBox(10, 10, 20, 30, angle=0.25),
        "pose": sly.GraphNodes([Node(corner(1, 2), label="nose"), Node(corner(3, 4), True, label="tail")]),
    }
    classes = {
        name: sly.ObjClass(
            name, type(shape), color=[10, 20, 30], geometry_config=template if name == "pose" else None
        )
        for name, shape in shapes.items()
    }
    labels = [
        sly.Label(
            shape, classes[name], tags=[sly.Tag(age, 3.5), sly.Tag(coat, "red")], description=f"a {name}"
        )
        for name, shape in shapes.items()
    ]
    size = (HEIGHT_PX, WIDTH_PX)
    annotation = sly.Annotation(
        size, labels, [sly.Tag(night)], img_description="a yard", custom_data={"lens": 3, "deep": {"a": 1}}
    )
    project = sly.Project(str(folder), sly.OpenMode.CREATE)
    project.set_meta(sly.ProjectMeta(list(classes.values()), [age, coat, night]))
    image = np.zeros((*size, 3), dtype=np.uint8)
    outer = project.create_dataset("outer")
    outer.add_item_np("a.png", image, ann=annotation)
    project.create_dataset("inner", "outer/datasets/inner").add_item_np("b.png", image)


if __name__ == "__main__":
    if sys.argv[1] == "read":
        print(json.dumps(read(Path(sys.argv[2]))))
    else:
        write(Path(sys.argv[2]))
