// Elements of the page: find one, make one.

export const find = (id) => document.getElementById(id);

export function make(name, text, className = "") {
  const element = document.createElement(name);
  return Object.assign(element, { textContent: text, className });
}
