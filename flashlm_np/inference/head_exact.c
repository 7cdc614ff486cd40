/* Read one token; return the most likely next one, or -1 if a logit is not finite. */
static int next_token(int id) {
    float h[D], highest = -INFINITY;
    int best = 0;
    hidden(id, h);
    for (int v = 0; v < V; v++) {
        const float z = logit(table_q, table_scale, v, h);
        if (!isfinite(z)) return -1;
        if (z > highest) {
            highest = z;
            best = v;
        }
    }
    return best;
}
