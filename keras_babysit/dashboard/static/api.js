// Requests JSON from the plugin; an error response is thrown as an error with its message.

export async function fetchJson(route, parameters = {}) {
  const address = new URL(`../${route}`, import.meta.url);
  for (const [key, value] of Object.entries(parameters)) address.searchParams.set(key, value);
  let response;
  try {
    response = await fetch(address, { cache: "no-store" });
  } catch {
    throw new Error("TensorBoard does not respond. Is it still running?");
  }
  const answer = await response.json().catch(() => null);
  if (!response.ok || answer === null) throw new Error((answer && answer.error) || `TensorBoard responded with status ${response.status}.`);
  return answer;
}
