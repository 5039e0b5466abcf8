import { element } from "../ui/dom";
import { Client, Problem } from "./client";
import { PAGE } from "./words";

/** Ask for the token; `onToken` gets one that the server takes. */
export function signIn(root: HTMLElement, onToken: (token: string) => void): void {
  const input = element("input", {
    id: "token",
    type: "password",
    autocomplete: "off",
    spellcheck: "false",
    required: true,
    "aria-describedby": "token-help token-error",
  });
  const error = element("p", { id: "token-error", role: "alert" });
  const submit = async (): Promise<void> => {
    const token = input.value.trim();
    const problem = await refusal(token);
    if (problem === "") {
      onToken(token);
    } else {
      error.textContent = problem;
      error.className = "error";
      input.setAttribute("aria-invalid", "true");
      input.focus();
    }
  };
  root.replaceChildren(
    element(
      "main",
      { class: "view sign-in" },
      element("h1", {}, PAGE.tokenTitle),
      help(),
      element(
        "form",
        {
          onsubmit: (event) => {
            event.preventDefault();
            void submit();
          },
        },
        element("label", { for: "token" }, PAGE.token),
        element(
          "div",
          { class: "row" },
          input,
          element("button", { type: "submit", class: "primary" }, PAGE.tokenOpen),
        ),
        error,
      ),
    ),
  );
  input.focus();
}

/** Say why the server does not take a token; empty where it does. */
export async function refusal(token: string): Promise<string> {
  // Another character could not even be sent.
  if (!/^[\x21-\x7e]*$/.test(token)) {
    return PAGE.tokenWrong;
  }
  try {
    // Any token may read the figures.
    await new Client(token).metrics();
    return "";
  } catch (error) {
    if (error instanceof Problem) {
      return error.status === 401 ? PAGE.tokenWrong : `${error.message} ${error.hint}`.trim();
    }
    throw error;
  }
}

function help(): HTMLElement {
  const [before, after] = PAGE.tokenHelp.split("{0}");
  return element(
    "p",
    { id: "token-help" },
    before,
    element("code", {}, "nsllm tokens show"),
    after,
  );
}
