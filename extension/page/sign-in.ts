import { element } from "../ui/dom";
import { Client, Problem } from "./client";
import { PAGE } from "./words";

/** Ask for the token, saying why it is asked for; `onToken` gets one that the server takes. */
export function signIn(root: HTMLElement, reason: string, onToken: (token: string) => void): void {
  const input = element("input", {
    id: "token",
    type: "password",
    autocomplete: "off",
    spellcheck: "false",
    required: true,
    "aria-describedby": "token-help token-error",
  });
  const error = element("p", { id: "token-error", role: "alert" });
  const tell = (problem: string): void => {
    error.textContent = problem;
    error.className = "error";
    input.setAttribute("aria-invalid", "true");
  };
  const submit = async (): Promise<void> => {
    const token = input.value.trim();
    const problem = await refusal(token);
    if (problem === "") {
      onToken(token);
    } else {
      tell(problem);
      input.focus();
    }
  };
  if (reason !== "") {
    tell(reason);
  }
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
    if (!(error instanceof Problem)) {
      throw error;
    }
    if (error.status === 401) {
      return PAGE.tokenWrong;
    }
    // The form, unlike what a token opens, does not try again by itself.
    const hint = error.status === 0 ? PAGE.reloadHint : error.hint;
    return `${error.message} ${hint}`.trim();
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
