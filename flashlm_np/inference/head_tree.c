/* The head is a binary tree with the words as leaves. At node i, z = nodes_i h + bias_i is the
   logit of going left: ln p(left) = -ln(1 + e^-z), ln p(right) = -ln(1 + e^z). The sum of these
   on a word's path is its ln p. A child c < NODES is a node; another child is the word
   c - NODES. */
static float highest; /* ln p of the most likely word so far */
static int best;      /* and its id */

static float softplus(float x) { return fmaxf(x, 0) + log1pf(expf(-fabsf(x))); }

/* Find the most likely word at or below a node that is reached with ln p = log_p. Return 0 if a
   logit is not finite. The calls are nested as deep as the tree: a few dozen levels. */
static int search(int node, float log_p, const float *h) {
    if (log_p < highest) return 1; /* no word is likelier than the nodes above it */
    if (node >= NODES) {
        const int word = node - NODES;
        if (word >= V) return 1; /* the tokenizer does not have it */
        if (log_p > highest || word < best) {
            highest = log_p;
            best = word;
        }
        return 1;
    }
    const float z = logit(nodes_q, nodes_scale, node, h) + nodes_bias[node];
    if (!isfinite(z)) return 0;
    const int first = z < 0; /* the likelier side, 0: left. Often the other is left out then. */
    for (int i = 0; i < 2; i++) {
        const int right = i ^ first;
        const float lost = softplus(right ? z : -z);
        if (!search(children[2 * node + right], log_p - lost, h)) return 0;
    }
    return 1;
}

/* Read one token; return the most likely next one, or -1 if a logit is not finite. */
static int next_token(int id) {
    float h[D];
    hidden(id, h);
    highest = -INFINITY;
    best = -1;
    return search(0, 0, h) ? best : -1;
}
