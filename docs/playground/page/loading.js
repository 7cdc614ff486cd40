// The bytes and the stage of loading, counted in the worker and told to the page.

let loaded = 0, total = 0, stage = "Python and NumPy", tell = () => {};

export function report(post, bytes, newStage) {
  total = bytes;
  stage = newStage ?? stage;
  tell = () => post({ kind: "loading", loaded: Math.min(loaded, total), total, stage });
  tell();
}

// A fetch that counts the bytes as they come. The answer keeps its type, so that the browser
// compiles WebAssembly while it arrives.
export function countedFetch(fetch) {
  return async (...request) => {
    const answer = await fetch(...request);
    if (!answer.ok || !answer.body) return answer;
    const counter = new TransformStream({
      transform(chunk, controller) {
        loaded += chunk.byteLength;
        tell();
        controller.enqueue(chunk);
      },
    });
    const { status, statusText, headers } = answer;
    return new Response(answer.body.pipeThrough(counter), { status, statusText, headers });
  };
}
