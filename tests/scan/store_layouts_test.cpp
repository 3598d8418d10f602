#include "src/scan/store_layouts.h"

#include "tests/catch.h"

using namespace weigh::core;

TEST_CASE("whose a folder is, by its path") {
  struct Row {
    std::string path;
    Owner owner;
  };
  const std::string hub = "/home/me/.cache/huggingface/hub/models--a--b";
  for (const Row& row : {
           Row{hub + "/snapshots/c0ffee", {Store::HuggingFace, "a/b"}},
           Row{hub + "/snapshots/c0ffee/unet/old", {Store::HuggingFace, "a/b/unet/old"}},
           Row{"/snapshots/" + hub + "/snapshots/1", {Store::HuggingFace, "a/b"}},
           Row{hub + "/snapshots/1/snapshots/2", {Store::HuggingFace, "a/b/snapshots/2"}},
           Row{hub + "/blobs", {}},
           Row{hub, {}},
           Row{"/data/snapshots/1", {}},
           Row{"/home/me/.lmstudio/models/p/r", {Store::LmStudio, "p/r"}},
           Row{"/home/me/.cache/lm-studio/models/p/r", {Store::LmStudio, "p/r"}},
           Row{"/home/me/.lmstudio/models/p", {}},
           Row{"/home/me/.lmstudio/models", {}},
           Row{"/home/me/lmstudio/models/p/r", {}},
           Row{"/", {}},
       }) {
    CAPTURE(row.path);
    CHECK(owner_of(row.path) == row.owner);
  }
}

TEST_CASE("every store has a name, a plain folder none") {
  CHECK(store_name(Store::Folder).empty());
  CHECK(store_name(Store::HuggingFace) == "huggingface");
  CHECK(store_name(Store::Ollama) == "ollama");
  CHECK(store_name(Store::LmStudio) == "lmstudio");
}
