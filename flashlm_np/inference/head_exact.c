/* Read one token; return the most likely next one, or -1 if a logit is not finite. */
static int next_token(int id) {
    float x[D], h[D], highest = -INFINITY;
    int best = 0;
    for (int d = 0; d < D; d++) x[d] = (float)table_q[id * D + d] * table_scale[id];
    for (int r = 0; r < RECURSIONS; r++) block(x, r);
    position++;
    norm(x, final_norm, h);
    for (int v = 0; v < V; v++) {
        float z = 0;
        for (int d = 0; d < D; d++) z += (float)table_q[v * D + d] * h[d];
        z *= table_scale[v];
        if (!isfinite(z)) return -1;
        if (z > highest) {
            highest = z;
            best = v;
        }
    }
    return best;
}
