// The worker as the page sees it: ask(task) gives a promise; listeners hear the rest.

const PATIENCE = 4000;  // milliseconds until a program that does not stop is ended

export class Python {
  #worker;
  #waiting = new Map();  // id of a task -> {resolve, reject, output}
  #listeners = {};
  #next = 1;

  // Other windows cannot read the memory of an isolated page, so it may share some with its
  // worker. Then a program can be stopped without losing Python.
  #buffer = self.crossOriginIsolated ? new Uint8Array(new SharedArrayBuffer(1)) : null;

  on(kind, listener) {
    this.#listeners[kind] = listener;
  }

  #tell(kind, message) {
    this.#listeners[kind]?.(message);
  }

  async start() {
    const begin = performance.now();
    this.#worker = new Worker("worker.js", { type: "module" });
    this.#worker.onmessage = ({ data }) => this.#hear(data);
    this.#worker.onerror = (event) => this.#end(event.message ?? "the worker could not start");
    const clock = setInterval(() => this.#tell("seconds", (performance.now() - begin) / 1000), 200);
    try {
      await this.ask({ task: "load", buffer: this.#buffer });
      this.#tell("ready", (performance.now() - begin) / 1000);
    } catch (error) {
      this.#tell("unavailable", error.message);
    } finally {
      clearInterval(clock);
    }
  }

  ask(task, output) {
    const id = this.#next++;
    if (task.task === "run" && this.#buffer) this.#buffer[0] = 0;  // of an earlier program
    this.#worker.postMessage({ ...task, id });
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { name: task.task, resolve, reject, output });
    });
  }

  #hear(message) {
    const waiting = this.#waiting.get(message.id);
    if (message.kind === "output") waiting?.output(message.text);
    else if (message.kind === "done" || message.kind === "failed") {
      this.#waiting.delete(message.id);
      if (message.kind === "done") waiting?.resolve(message.result);
      else {
        waiting?.reject(new Error(message.text));
        // A task reports Python's errors as its result. So Python itself has ended.
        if (waiting?.name !== "load") this.restart(message.text);
      }
    } else this.#tell(message.kind, message);
  }

  // Stop the program of this promise; if it does not end soon, end Python, and start a new one.
  async stop(promise) {
    if (this.#buffer) {
      this.#buffer[0] = 2;  // Python raises KeyboardInterrupt
      const late = new Promise((resolve) => setTimeout(resolve, PATIENCE, "late"));
      if (await Promise.race([promise.catch(() => {}), late]) !== "late") return;
    }
    this.restart("stopped");
  }

  restart(reason) {
    this.#end(reason);
    return this.start();
  }

  #end(reason) {
    this.#worker.terminate();
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of waiting) reject(new Error(reason));
    this.#tell("ended", reason);
  }
}
