;;; Drive the server from a real Emacs with eglot, and write down what came of it.
;;; NSLLM_TEST is JSON: {python, home, root, file, out}.  -*- lexical-binding: t -*-
(require 'json)
(require 'project)
(package-initialize)
(require 'eglot)

(defvar test (let ((json-object-type 'plist)) (json-read-from-string (getenv "NSLLM_TEST"))))
(defun test-of (key) (plist-get test key))

(defun test-run ()
  (setenv "NSLLM_HOME" (test-of :home))
  (setq project-find-functions (list (lambda (_) (cons 'transient (test-of :root))))
        eglot-sync-connect 60
        eglot-server-programs
        (list (cons 'text-mode (list (test-of :python) "-m" "nsllm" "lsp"))))
  (find-file (test-of :file))
  ;; What `M-x eglot' does; the arguments' forms differ between versions.
  (apply #'eglot (eglot--guess-contact))
  (goto-char (point-max))
  (insert "More words.\n")
  (eglot--signal-textDocument/didChange)
  (let* ((server (eglot-current-server))
         (hover (jsonrpc-request server :textDocument/hover
                                 (eglot--TextDocumentPositionParams) :timeout 60))
         (audit (jsonrpc-request server :nsllm/audit '(:action "list") :timeout 60))
         (result (list :name (plist-get (eglot--server-info server) :name)
                       :managed (if (eglot-managed-p) t :json-false)
                       :hover hover
                       :records (plist-get audit :records))))
    (eglot-shutdown server nil 60)
    result))

(let ((result (condition-case failure (test-run)
                (error (list :error (error-message-string failure)))))
      (coding-system-for-write 'utf-8))
  (with-temp-file (test-of :out) (insert (json-encode result))))
