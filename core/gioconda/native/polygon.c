/* How much of each pixel a polygon covers, its exact area; see imaging/draw.py. */
#include "maths.h"

typedef struct {
    double x, y;
} Point;

typedef struct {
    Point start, end;
} Edge;

/* What a piece of an edge adds, x and y within one pixel: its rise, to everything right of it; the pixel it crosses
 * gets the part to its right.
 *
 * here, right: (height, width + 2), sums of what pieces add at their pixel and from the next one on.
 */
static void add_piece(Point start, Point end, int64_t width, int64_t height, double *here, double *right)
{
    double x = (start.x + end.x) / 2, y = floor((start.y + end.y) / 2), rise = end.y - start.y;
    if (!(y >= 0 && y < (double)height))
        return;
    double column = min_d(max_d(floor(x), 0.0), (double)width);
    double part = min_d(max_d(column + 1 - x, 0.0), 1.0) * rise;
    int64_t cell = (int64_t)y * (width + 2) + (int64_t)column;
    here[cell] += part;
    right[cell + 1] += rise - part;
}

/* An edge from start to end cut wherever y (axis 1) or x (axis 0) passes a whole number: pieces of piece `index`. */
typedef struct {
    Point start, end;
    double first; /* the first whole number strictly between, if count is not 0 */
    double along;
    int64_t count; /* whole numbers strictly between */
    int axis;
} Cuts;

static Cuts cuts_of(Point start, Point end, int axis)
{
    double from = axis ? start.y : start.x, to = axis ? end.y : end.x;
    double first = floor(min_d(from, to)) + 1;
    int64_t count = (int64_t)max_d(ceil(max_d(from, to)) - first, 0.0);
    return (Cuts){start, end, first, to - from, count, axis};
}

/* The end number `index` of an edge's pieces: 0 is its start, count + 1 its end. */
static Point cut_at(const Cuts *cuts, int64_t index)
{
    if (index == 0)
        return cuts->start;
    if (index == cuts->count + 1)
        return cuts->end;
    Point start = cuts->start, end = cuts->end, point;
    double from = cuts->axis ? start.y : start.x;
    double whole = cuts->along >= 0 ? cuts->first + (double)(index - 1) : cuts->first + (double)(cuts->count - index);
    double fraction = (whole - from) / cuts->along;
    point.x = start.x + fraction * (end.x - start.x);
    point.y = start.y + fraction * (end.y - start.y);
    if (cuts->axis)
        point.y = whole;
    else
        point.x = whole;
    return point;
}

/* A polygon's edges, cut where they leave 0 ... width, the outer pieces pushed onto the border: they still count.
 * corners: (count, 2). edges: (4 count), out; returns how many there are. */
static int64_t edges_of(const Point *corners, int64_t count, double width, Edge *edges)
{
    for (int64_t i = 0; i < count; i++)
        edges[i] = (Edge){corners[i], corners[i + 1 < count ? i + 1 : 0]};
    for (int border = 0; border < 2; border++) {
        double x = border ? width : 0.0;
        for (int64_t i = 0, whole = count; i < whole; i++) {
            Point start = edges[i].start, end = edges[i].end;
            double fraction = (x - start.x) / (end.x - start.x); /* of an upright edge: infinite or no number */
            if (!(fraction > 0 && fraction < 1))
                continue;
            Point middle = {start.x + fraction * (end.x - start.x), start.y + fraction * (end.y - start.y)};
            edges[count++] = (Edge){middle, end};
            edges[i].end = middle;
        }
    }
    for (int64_t i = 0; i < count; i++) {
        edges[i].start.x = min_d(max_d(edges[i].start.x, 0.0), width);
        edges[i].end.x = min_d(max_d(edges[i].end.x, 0.0), width);
    }
    return count;
}

/* How much of each pixel a closed polygon covers; where it crosses itself winding decides.
 *
 * corners: (count, 2), pixels.
 * edges: (4 count, 4) and sums: (2, height, width + 2), memory to work in.
 * coverage: (height, width), out, 0..1.
 */
KERNEL void polygon_fill(const Point *corners, int64_t count, int64_t width, int64_t height, Edge *edges, double *sums,
                         float *coverage)
{
    double *here = sums, *right = sums + height * (width + 2);
    for (int64_t i = 0; i < 2 * height * (width + 2); i++)
        sums[i] = 0.0;
    count = edges_of(corners, count, (double)width, edges);
    for (int64_t i = 0; i < count; i++) {
        Cuts rows = cuts_of(edges[i].start, edges[i].end, 1);
        for (int64_t j = 0; j <= rows.count; j++) {
            Cuts columns = cuts_of(cut_at(&rows, j), cut_at(&rows, j + 1), 0);
            for (int64_t k = 0; k <= columns.count; k++)
                add_piece(cut_at(&columns, k), cut_at(&columns, k + 1), width, height, here, right);
        }
    }
    for (int64_t y = 0; y < height; y++) {
        double area = 0.0;
        for (int64_t x = 0; x < width; x++) {
            area += here[y * (width + 2) + x] + right[y * (width + 2) + x];
            coverage[y * width + x] = (float)min_d(fabs(area), 1.0);
        }
    }
}
