// Asks the plugin; an answer that says what went wrong becomes an error with that message.

export async function fetchJson(route, parameters = {}) {
  const address = new URL(`../${route}`, import.meta.url);
  for (const [key, value] of Object.entries(parameters)) address.searchParams.set(key, value);
  let response;
  try {
    response = await fetch(address, { cache: "no-store" });
  } catch {
    throw new Error("TensorBoard does not answer. Is it still running?");
  }
  const answer = await response.json().catch(() => null);
  if (!response.ok || answer === null) throw new Error((answer && answer.error) || `TensorBoard answers ${response.status}.`);
  return answer;
}
