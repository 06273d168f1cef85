"""Whether all text of a figure lies within it."""


def text_that_leaves(figure):
    """Text of the figure's axes that does not lie within it."""
    figure.draw_without_rendering()
    outside = []
    for axes in figure.axes:
        texts = [axes.title, axes._left_title, axes.xaxis.label, axes.yaxis.label, *axes.texts]
        for axis, labels, side in (
            (axes.xaxis, axes.get_xticklabels(), "labelbottom"),
            (axes.yaxis, axes.get_yticklabels(), "labelleft"),
        ):
            if axis.get_tick_params()[side]:
                low, high = sorted(axis.get_view_interval())
                places = axis.get_ticklocs()
                texts += [t for t, at in zip(labels, places, strict=True) if low <= at <= high]
        for text in texts:
            corners = text.get_window_extent().corners()
            if text.get_text() and figure.bbox.padded(3).count_contains(corners) < 4:
                outside.append(text.get_text())
    return outside
