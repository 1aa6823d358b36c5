// openai-node, one scenario a run: node openai_node.mjs <scenario> <model>. Reads the pictures of its folder, prints JSON.
// The client takes OPENAI_API_KEY and OPENAI_BASE_URL from the environment, as an application does.
import fs from "node:fs";
import OpenAI, { AzureOpenAI, toFile } from "openai";

const [scenario, model] = process.argv.slice(2);
const client = new OpenAI({ maxRetries: 0 });
const picture = (name, type) => toFile(fs.createReadStream(name), name, { type });
const a = () => picture("a.png", "image/png");

async function collect(stream) {
  const events = [];
  for await (const event of stream) events.push(event);
  return events;
}

async function refusal(work) {
  try {
    await work();
  } catch (error) {
    const { status, code, param, type, requestID, message } = error;
    return { class: error.constructor.name, status, code, param, type, requestID, message };
  }
}

const scenarios = {
  async generate() {
    const prompt = "a fox";
    const call = client.images.generate({ model, prompt, n: 2, size: "1024x1024", quality: "high", output_format: "webp" });
    const { data, response, request_id } = await call.withResponse();
    return { answer: data, requestId: request_id, header: response.headers.get("x-request-id") };
  },
  generateUrl: () => client.images.generate({ model, prompt: "a fox", size: "256x256", response_format: "url" }),
  // a browser's order: what the caller wrote first is sent first, so text fields come behind the picture
  editOne: async () => client.images.edit({ image: await a(), model, prompt: "bluer", n: 2, output_format: "png" }),
  editNameless: () => client.images.edit({ image: fs.createReadStream("a.png"), model, prompt: "bluer" }),
  editSeveral: async () =>
    client.images.edit({
      image: [await a(), await picture("b.jpg", "image/jpeg"), await picture("c.webp", "image/webp")],
      model,
      prompt: "mix",
    }),
  editMask: async () =>
    client.images.edit({ model, prompt: "bluer", image: await a(), mask: await picture("mask.png", "image/png") }),
  streamGenerate: async () =>
    collect(await client.images.generate({ model, prompt: "a fox", size: "1024x1024", stream: true, partial_images: 3 })),
  streamEdit: async () =>
    collect(await client.images.edit({ model, prompt: "bluer", image: await a(), stream: true, partial_images: 2 })),
  async azure() {
    const access = { endpoint: new URL(client.baseURL).origin, baseURL: null, apiKey: client.apiKey };
    const azure = new AzureOpenAI({ ...access, apiVersion: "2025-04-01-preview", deployment: model });
    return azure.images.generate({ model, prompt: "a fox", size: "1024x1024" });
  },
  models: async () => (await client.models.list()).data.map(({ id }) => id),
  async errors() {
    const stranger = new OpenAI({ apiKey: "not-the-key-0123456789" });
    const cut = { model: "sandbox", prompt: "sandbox:cut", stream: true, partial_images: 1 };
    return {
      field: await refusal(() => client.images.generate({ model, prompt: "a", n: 99 })),
      key: await refusal(() => stranger.images.generate({ model, prompt: "a" })),
      model: await refusal(() => client.images.generate({ model: "dall-f", prompt: "a" })),
      limit: await refusal(() => client.images.generate({ model: "sandbox", prompt: "sandbox:429" })),
      stream: await refusal(async () => collect(await client.images.generate(cut))),
    };
  },
};

process.stdout.write(JSON.stringify(await scenarios[scenario]()));
