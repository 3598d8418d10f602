// The walk through the stores of other programs, and through folders that are one model in several parts.
#include <algorithm>

#include "tests/scan/walk_tree.h"

using namespace weigh::core;

namespace {

const std::string kHex(64, 'a');
const std::string kHex2(64, 'b');
const std::string kHex3(64, 'c');
const std::string kHex4(64, 'd');
const std::string kMissing(64, 'e');
std::string manifest(const std::vector<std::string>& layers) {
  std::string text = R"({"schemaVersion":2,"layers":[)";
  for (std::size_t i = 0; i < layers.size(); ++i) text += (i == 0 ? "" : ",") + layers[i];
  return text + "]}";
}
std::string layer(const std::string& kind, const std::string& hex, const std::string& name = "") {
  return R"({"mediaType":"application/vnd.ollama.image.)" + kind + R"(","digest":"sha256:)" + hex + R"(","name":")" +
         name + R"("})";
}
const std::string kLibrary = "manifests/registry.ollama.ai/library/";

}  // namespace

TEST_CASE("Hugging Face's cache: the main commit by its owner's name, blobs and other commits left alone") {
  const std::string repo = "hub/models--meta-llama--Llama-3.1-8B/";
  const std::string owner = "meta-llama/Llama-3.1-8B";
  const auto cache = [repo](const Tree& tree) {
    tree.file(repo + "blobs/" + kHex, "GGUF" + kBody);
    tree.file(repo + "blobs/" + kHex2, "GGUF" + kBody);
    tree.file(repo + "refs/main", "c0ffee\n");
    tree.link(repo + "snapshots/c0ffee/model.safetensors", "../../blobs/" + kHex);
    tree.link(repo + "snapshots/c0ffee/sub/x.gguf", "../../../blobs/" + kHex2);
    tree.link(repo + "snapshots/01dc0de/model.safetensors", "../../blobs/" + kHex);
  };
  const auto with_main = [&](const std::string& main) {
    return [=](const Tree& tree) {
      cache(tree);
      fs::remove(tree.path(repo + "refs/main"));
      if (!main.empty()) tree.file(repo + "refs/main", main);
    };
  };
  const std::string main = owner + "|" + repo + "snapshots/c0ffee: model.safetensors";
  const std::string sub = owner + "/sub|" + repo + "snapshots/c0ffee/sub: x.gguf";
  const std::string old = owner + "|" + repo + "snapshots/01dc0de: model.safetensors";
  const std::string main_again = owner + "|" + repo + "snapshots/c0ffee: -model.safetensors";
  check({
      {"the main commit", cache, {""}, {main, sub}},
      {"the repository's folder as the root", cache, {repo}, {main, sub}},
      {"the snapshot as the root", cache, {repo + "snapshots/c0ffee/"}, {main, sub}},
      {"a folder of the snapshot as the root", cache, {repo + "snapshots/c0ffee/sub"}, {sub}},
      {"a file as the root", cache, {repo + "snapshots/c0ffee/model.safetensors"}, {main}},
      {"no main commit: all, links once", with_main(""), {""}, {old, main_again, sub}},
      {"a main commit that is not there: all", with_main("abcdef"), {""}, {old, main_again, sub}},
      {"a main commit that leads out of the cache: all",
       [&](const Tree& tree) {
         with_main("../../../elsewhere")(tree);
         tree.file("elsewhere/x.gguf");
       },
       {"hub"},
       {old, main_again, sub}},
      {"another kind, and a download that has only begun",
       [](const Tree& tree) {
         tree.files({"hub/datasets--squad/snapshots/1/x.gguf", "hub/spaces--a--b/snapshots/1/x.gguf"});
         tree.file("hub/models--a--b/blobs/" + kHex + ".incomplete");
         tree.file("hub/models--a--b/blobs/" + kHex2, "GGUF" + kBody);
         tree.file("hub/models--gpt2/snapshots/1/x.gguf");
       },
       {""},
       {"gpt2|hub/models--gpt2/snapshots/1: x.gguf"}},
      {"a blob that is gone",
       [](const Tree& tree) {
         tree.link("models--a--b/snapshots/1/x.gguf", "../../blobs/" + kHex);
         tree.file("models--a--b/snapshots/1/y.gguf");
       },
       {""},
       {"a/b|models--a--b/snapshots/1: y.gguf"},
       {"models--a--b/snapshots/1/x.gguf: a link to a file that is not there"}},
      {"a link from elsewhere is the second name",
       [&](const Tree& tree) {
         cache(tree);
         tree.link("a.safetensors", repo + "snapshots/c0ffee/model.safetensors");
       },
       {""},
       {main, sub, "|.: -a.safetensors"}},
  });
  const Tree tree;
  cache(tree);
  tree.link("current", repo + "snapshots/c0ffee");
  const Met linked = met({tree.path("current")});
  REQUIRE(linked.folders.size() == 2);
  CHECK(linked.folders[0].owner == owner);
  CHECK(linked.folders[0].store == Store::HuggingFace);
  CHECK(linked.folders[0].folder.name == owner);
  const WorkingFolder here(tree.path(repo));
  CHECK(met({"."}).texts(tree) == Texts{main, sub});
}

TEST_CASE("Ollama's store: manifests name models, their blobs are files") {
  const auto blobs = [](const Tree& tree) {
    for (const std::string& hex : {kHex, kHex2, kHex3, kHex4}) tree.file("blobs/sha256-" + hex);
  };
  const auto with = [&](const std::string& name, const std::string& text) {
    return [=](const Tree& tree) {
      blobs(tree);
      tree.file(name, text);
      tree.file(kLibrary + "zz/last", manifest({layer("model", kHex)}));
    };
  };
  const std::string last = "zz:last|.: model.gguf";
  const std::string bad = kLibrary + "bad/tag";
  const std::string escape = R"({"layers":[{"mediaType":"application/vnd.ollama.image.model","digest":"sha256:)";
  const std::string wrong_digest = "sha256: and 64 hex digits";
  check({
      {"tags of one blob count once, each by its name",
       [&](const Tree& tree) {
         blobs(tree);
         tree.file(kLibrary + "llama3.2/1b", manifest({layer("model", kHex), layer("template", kHex2)}));
         tree.file(kLibrary + "llama3.2/latest", manifest({layer("model", kHex)}));
         tree.file("manifests/registry.ollama.ai/someone/thing/v1", manifest({layer("model", kHex2)}));
         tree.file("manifests/hf.co/org/vision/Q4", manifest({layer("model", kHex3)}));
       },
       {""},
       {"hf.co/org/vision:Q4|.: model.gguf", "llama3.2:1b|.: model.gguf", "llama3.2:latest|.: -model.gguf",
        "someone/thing:v1|.: model.gguf"}},
      {"several parts, a projector, a draft; a blob of weights once",
       with(kLibrary + "many/parts", manifest({layer("model", kHex), layer("projector", kHex3), layer("model", kHex2),
                                               layer("adapter", kHex), layer("draft", kHex4), layer("model", kHex)})),
       {""},
       {"many:parts|.: draft.gguf mmproj.gguf model-00001-of-00002.gguf model-00002-of-00002.gguf",
        "zz:last|.: -model.gguf"}},
      {"blobs that no manifest names any more, by their first bytes",
       [&](const Tree& tree) {
         tree.file("blobs/sha256-" + kHex, "GGUF");
         tree.file("blobs/sha256-" + kHex2, "GGUF");
         tree.file("blobs/sha256-" + kHex3, "a license");
         tree.file("blobs/sha256-" + kHex3 + "-partial", "GGUF");
         tree.file(kLibrary + "zz/last", manifest({layer("model", kHex)}));
       },
       {""},
       {last, "|blobs: sha256-" + kHex2 + ".gguf"}},
      {"tensors and the files beside them",
       with(kLibrary + "safe/tensors",
            manifest({layer("tensor", kHex2, "a.weight"), layer("tensor", kHex3, "b.weight"),
                      layer("json", kHex, "config.json"), layer("json", kHex, "config.json"),
                      layer("json", kHex, "../up.json"), layer("json", kHex, "model-00001-of-00002.safetensors")})),
       {""},
       {"safe:tensors|.: config.json model-00001-of-00002.safetensors model-00002-of-00002.safetensors", last}},
      {"no weights", with(kLibrary + "only/text", manifest({layer("template", kHex)})), {""}, {last}},
      {"a file that is no manifest by its place", with("manifests/README", "{"), {""}, {last}},
      {"no JSON",
       with(bad, "{"),
       {""},
       {last},
       {bad + ": no manifest of Ollama: found no valid JSON at byte 2, expected JSON with layers"}},
      {"layers that are none", with(bad, R"({"layers":[1,null,{"mediaType":7}]})"), {""}, {last}},
      {"more than 1 MiB",
       with(bad, std::string((1U << 20U) + 1, ' ')),
       {""},
       {last},
       {bad + ": no manifest of Ollama: found 1048577 bytes, more than 1048576, expected JSON with layers"}},
      {"a digest that leads out of the store",
       with(bad, escape + R"(../../../etc/passwd"}]})"),
       {""},
       {last},
       {bad + ": digest: found 'sha256:../../../etc/passwd', expected " + wrong_digest}},
      {"a digest of the right length that leads out of the store",
       with(bad, escape + "../" + std::string(61, 'a') + R"("}]})"),
       {""},
       {last},
       {bad + ": digest: found 'sha256:../" + std::string(61, 'a') + "', expected " + wrong_digest}},
      {"a layer that is missing",
       with(bad, manifest({layer("model", kMissing), layer("projector", kHex2)})),
       {""},
       {"bad:tag|.: mmproj.gguf", last},
       {"blobs/sha256-" + kMissing + ": a layer of bad:tag is missing"}},
      {"blobs on another disk, and models that lie in the store's folder",
       [&](const Tree& tree) {
         tree.file("disk/sha256-" + kHex, "GGUF" + kBody);
         tree.link("store/blobs", "../disk");
         tree.file("store/" + kLibrary + "m/tag", manifest({layer("model", kHex)}));
         tree.file("store/extra/x.gguf");
       },
       {"store"},
       {"m:tag|store: model.gguf", "|store/extra: x.gguf"}},
  });
  const Tree tree;
  tree.file("blobs/sha256-" + kHex, "GGUF and nine");
  tree.file(kLibrary + "m/tag", manifest({layer("model", kHex)}));
  const Met result = met({tree.path()});
  REQUIRE(result.folders.size() == 1);
  CHECK(result.folders[0].store == Store::Ollama);
  CHECK(result.folders[0].folder.path_of("model.gguf") == tree.path("blobs/sha256-" + kHex));
  CHECK(result.folders[0].folder.open("model.gguf")->size() == 13);
}

TEST_CASE("LM Studio's folder: models by publisher and repository") {
  const std::string file = ".lmstudio/models/publisher/repo/model.gguf";
  const std::string found = "publisher/repo|.lmstudio/models/publisher/repo: model.gguf";
  const auto now = [&](const Tree& tree) { tree.files({file, ".lmstudio/models/loose/x.gguf", "models/a/b/y.gguf"}); };
  const std::string loose = "|.lmstudio/models/loose: x.gguf";
  check({
      {"from above", now, {""}, {loose, found, "|models/a/b: y.gguf"}},
      {"its folder as the root", now, {".lmstudio/models/"}, {loose, found}},
      {"the repository as the root", now, {".lmstudio/models/publisher/repo"}, {found}},
      {"a file as the root", now, {file}, {found}},
      {"the older place",
       [](const Tree& tree) { tree.file(".cache/lm-studio/models/p/r/m.gguf"); },
       {""},
       {"p/r|.cache/lm-studio/models/p/r: m.gguf"}},
  });
  const Tree tree;
  now(tree);
  const WorkingFolder here(tree.path(".lmstudio/models"));
  const Met result = met({"publisher"});
  CHECK(result.texts(tree) == Texts{found});
  CHECK(result.folders.at(0).store == Store::LmStudio);
}

TEST_CASE("a diffusers pipeline takes the files of its parts, which are no models by themselves") {
  const auto pipeline = [](const Tree& tree) {
    tree.files({"pipe/model_index.json", "pipe/unet/diffusion_pytorch_model.safetensors", "pipe/unet/config.json",
                "pipe/scheduler/scheduler_config.json"});
  };
  const std::string whole =
      "|pipe: model_index.json scheduler/scheduler_config.json unet/config.json "
      "unet/diffusion_pytorch_model.safetensors";
  check({
      {"one folder", pipeline, {""}, {whole}},
      {"its part as another root", pipeline, {"pipe", "pipe/unet"}, {whole}},
      {"models that are no part of it: of another format, deeper, hidden",
       [&](const Tree& tree) {
         pipeline(tree);
         tree.files({"pipe/unet/small.gguf", "pipe/unet/old/m.safetensors", "pipe/.old/m.safetensors"});
       },
       {""},
       {whole, "|pipe/.old: m.safetensors", "|pipe/unet: config.json small.gguf", "|pipe/unet/old: m.safetensors"}},
      {"a part that is a link",
       [&](const Tree& tree) {
         pipeline(tree);
         tree.file("shared/vae.safetensors");
         tree.link("pipe/vae", "../shared");
       },
       {"pipe"},
       {whole + " vae/vae.safetensors"}},
      {"a part that is a link to a folder of models",
       [&](const Tree& tree) {
         pipeline(tree);
         tree.file("shared/vae.safetensors");
         tree.link("pipe/vae", "../shared");
       },
       {""},
       {"|shared: vae.safetensors", whole + " -vae/vae.safetensors"}},
      {"without model_index.json each is its own",
       [&](const Tree& tree) {
         pipeline(tree);
         fs::remove(tree.path("pipe/model_index.json"));
       },
       {""},
       {"|pipe/unet: config.json diffusion_pytorch_model.safetensors"}},
  });
}
