/* The head is a tree of softmaxes. The members of softmax s are words, rows word_start[s] to
   word_start[s + 1] - 1 of the table, and ways on, way_start[s] to way_start[s + 1] - 1. Way k
   leads to softmax k + 1. With the logits z of the members, and lse = ln of the sum of e^z:
       ln p(member) = z - lse + ln p(softmax) ;  ln p(softmax k + 1) = ln p(way k) */
static float log_p[SOFTMAXES]; /* of a softmax that is reached, but not open; else -INFINITY */
static float highest;          /* ln p of the most likely word so far */
static int best;               /* and its id */

/* Add e^z to the sum of softmax s, which is kept in units of e^top. */
static void add(float z, float *top, float *sum) {
    if (z > *top) {
        *sum *= expf(*top - z);
        *top = z;
    }
    *sum += expf(z - *top);
}

/* Compute the logits of all members of softmax s. Return 0 if one is not finite. */
static int open_softmax(int s, const float *h) {
    float top = -INFINITY, sum = 0, highest_z = -INFINITY;
    int likeliest = -1;
    for (int r = word_start[s]; r < word_start[s + 1]; r++) {
        const float z = logit(table_q, table_scale, r, h);
        if (!isfinite(z)) return 0;
        add(z, &top, &sum);
        if (token[r] >= V) continue; /* the tokenizer does not have it */
        if (z > highest_z || (z == highest_z && token[r] < likeliest)) {
            highest_z = z;
            likeliest = token[r];
        }
    }
    for (int k = way_start[s]; k < way_start[s + 1]; k++) {
        float z = way_bias[k];
        for (int d = 0; d < D; d++) z += way[k * D + d] * h[d];
        if (!isfinite(z)) return 0;
        add(z, &top, &sum);
        log_p[k + 1] = z;
    }
    const float change = log_p[s] - top - logf(sum); /* from z to ln p */
    for (int k = way_start[s]; k < way_start[s + 1]; k++) log_p[k + 1] += change;
    log_p[s] = -INFINITY;
    const float found = highest_z + change;
    if (found > highest || (found == highest && likeliest < best)) {
        highest = found;
        best = likeliest;
    }
    return 1;
}

/* Read one token; return the most likely next one, or -1 if a logit is not finite. */
static int next_token(int id) {
    float h[D];
    hidden(row[id], h);
    for (int s = 0; s < SOFTMAXES; s++) log_p[s] = -INFINITY;
    log_p[0] = 0;
    highest = -INFINITY;
    best = -1;
    /* Open the likeliest softmax next. No word of a softmax is likelier than the softmax. */
    for (int opened = 0; opened < SOFTMAXES; opened++) {
        int s = 0;
        for (int t = 1; t < SOFTMAXES; t++) {
            if (log_p[t] > log_p[s]) s = t;
        }
        if (log_p[s] < highest) break;
        if (!open_softmax(s, h)) return -1;
    }
    return best;
}
