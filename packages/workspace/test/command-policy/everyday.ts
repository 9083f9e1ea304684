/** What developers and agents type all day. The defaults deny none of it. */
export const EVERYDAY: readonly string[] = String.raw`
ls
ls -la
ls -la src/ test/
pwd
cd src && ls
cat package.json
cat package.json | jq .scripts
head -n 50 README.md
tail -f logs/app.log
wc -l src/**/*.ts
grep -rn "TODO" src
grep -rnE 'foo|bar' --include='*.ts' .
rg -n 'createServer' -g '*.ts'
rg --files | head
find . -name '*.test.ts' -not -path './node_modules/*'
find src -type f -exec wc -l {} +
find . -name '*.pyc' -delete
find . -type d -name __pycache__ -exec rm -rf {} +
fd -e ts
tree -L 2
du -sh node_modules
df -h
file bin/app
stat package.json
which node
type node
command -v git
uname -a
date
date +%s
whoami
env | sort
echo $PATH
echo "hello world"
printf '%s\n' a b c
mkdir -p src/new/dir
touch src/new.ts
cp a.txt b.txt
cp -r src/ backup/
mv old.ts new.ts
rm file.txt
rm -rf node_modules
rm -rf ./dist build/ .next
rm -rf node_modules && npm ci
rm -f *.log
rm -rf /tmp/test-output
ln -s ../shared shared
chmod +x scripts/run.sh
chmod 644 file.txt
chmod -R u+w dist
chown -R node:node ./data
sed -i 's/foo/bar/g' src/app.ts
sed -n '1,50p' src/app.ts
awk '{print $1}' data.txt
sort data.txt | uniq -c | sort -rn | head
cut -d, -f1 data.csv
tr a-z A-Z < in.txt > out.txt
diff -u a b
diff <(sort a) <(sort b)
patch -p1 < fix.patch
tar czf out.tar.gz dist/
tar xzf in.tar.gz
unzip archive.zip
zip -r out.zip dist
gzip -d x.gz
curl -s https://api.example.com/health
curl -fsSL https://example.com/file.tgz -o file.tgz
curl -X POST -H 'Content-Type: application/json' -d '{"a":1}' http://localhost:3000/api
wget https://example.com/file
http GET localhost:3000
ping -c 1 localhost
git status
git status --short
git diff
git diff --cached
git diff main...HEAD --stat
git log --oneline -20
git log --graph --all
git show HEAD
git add -A
git add src/app.ts
git commit -m "Fix the bug"
git commit -am 'wip'
git commit --amend --no-edit
git push
git push origin HEAD
git push -u origin feature/x
git pull
git pull --rebase
git fetch --all
git checkout -b feature/x
git checkout main
git switch -c new
git branch -a
git branch -D old
git merge main
git rebase main
git stash
git stash pop
git reset --hard HEAD
git reset HEAD~1
git clean -fd
git cherry-pick abc123
git tag v1.0.0
git remote -v
git blame src/app.ts
git worktree add ../wt main
git clone https://github.com/user/repo.git
git submodule update --init --recursive
git config user.email "a@b.c"
git rev-parse HEAD
git ls-files | xargs wc -l
git grep -n foo
git -C sub status
git bisect start
npm ci
npm install
npm i -D vitest
npm test
npm run build
npm run lint -- --fix
npm run test -- --watch=false
npm outdated
npm ls --depth=0
npm audit
npm pack
npx tsc --noEmit
npx vitest run
npx eslint . --fix
npx prettier --write .
npx playwright test
npx -y create-vite my-app
yarn
yarn install --frozen-lockfile
yarn add lodash
yarn test
pnpm i
pnpm -r build
pnpm --filter web dev
bun install
bun test
deno test
node index.js
node -e 'console.log(1)'
node --test
node --version
NODE_ENV=test node server.js
NODE_OPTIONS=--max-old-space-size=4096 npm run build
tsx src/main.ts
tsc -p .
eslint src
biome check .
jest --coverage
vite build
next build
turbo run build
python app.py
python3 -m venv .venv
. .venv/bin/activate
source .venv/bin/activate && pip install -r requirements.txt
python -m pytest -x
python3 -c 'print("hi")'
pip install requests
pip freeze > requirements.txt
pytest tests/ -k test_foo -v
poetry install
poetry run pytest
uv sync
uv run pytest
ruff check --fix .
black .
mypy src
tox -e py311
flask run
python manage.py migrate
django-admin startproject x
cargo build
cargo build --release
cargo test
cargo clippy --all-targets
cargo fmt
cargo run -- --help
cargo add serde
rustc main.rs
rustup update
go build ./...
go test ./...
go mod tidy
go vet ./...
go run main.go
gofmt -w .
golangci-lint run
make
make test
make -j4 build
cmake -B build && cmake --build build
ninja -C build
gcc -o app main.c
g++ -std=c++20 main.cpp -o app && ./app
./configure --prefix=$HOME/.local && make && make install
mvn test
mvn -q package
./gradlew build
gradle test
java -jar app.jar
javac Main.java
dotnet build
dotnet test
bundle install
bundle exec rspec
rake test
ruby script.rb
gem install bundler
php artisan migrate
composer install
./vendor/bin/phpunit
mix test
elixir script.exs
swift build
flutter test
ghc Main.hs
stack build
docker build -t app .
docker compose up -d
docker compose logs -f web
docker ps -a
docker run --rm -it -v "$PWD":/app -w /app node:24 npm test
docker exec app ls
docker stop app
kubectl get pods
kubectl logs deploy/app
helm lint chart
terraform plan
terraform fmt
psql -c 'select 1'
psql "$DATABASE_URL" -f schema.sql
sqlite3 app.db .tables
redis-cli ping
mysql -e 'show tables'
pg_dump app > dump.sql
prisma migrate dev
bash scripts/setup.sh
sh ./build.sh
bash -c 'cd web && npm test'
bash -lc 'node -v'
bash -n script.sh
./scripts/run.sh --all
for f in *.ts; do echo "$f"; done
for i in 1 2 3; do curl -s localhost:3000; done
while ! curl -s localhost:3000; do sleep 1; done
if [ -f package.json ]; then npm ci; fi
[ -d dist ] || mkdir dist
[[ -z "$CI" ]] && echo local
test -f .env && cat .env
timeout 60 npm test
time npm run build
nohup npm run dev > dev.log 2>&1 &
npm run dev & sleep 5; curl localhost:3000; kill %1
kill 12345
kill -9 12345
kill $(lsof -t -i:3000)
lsof -i :3000
ps aux | grep node
ps -ef
top -b -n 1
free -m
npm test 2>&1 | tee test.log
npm test > /dev/null 2>&1
npm test 2>/dev/null || true
echo done >> notes.txt
export FOO=bar && npm test
FOO=bar BAZ=qux ./run
set -euo pipefail; npm test
xargs -n1 echo < list.txt
cat files.txt | xargs rm -f
grep -rl foo src | xargs sed -i 's/foo/bar/g'
ls | while read f; do echo "$f"; done
echo $((1 + 2))
echo "Today: $(date)"
VERSION=$(node -p "require('./package.json').version"); echo $VERSION
apt-get install -y ripgrep
apt-get update
brew install jq
asdf install
nvm use 24
openssl rand -hex 32
base64 -d < in > out
sha256sum file
md5sum file
jq '.dependencies | keys' package.json
yq '.services' docker-compose.yml
gh pr create --fill
gh pr view
gh issue list
code .
tmux new -d -s x
history
clear
true
`
  .trim()
  .split('\n');

/** The same in more than one line. */
export const EVERYDAY_OF_SEVERAL_LINES: readonly string[] = [
  'cat > file.txt <<EOF\nhello\nEOF',
  "cat <<'EOF' > src/app.ts\nconst x = `sudo`;\nEOF",
  'cd web\nnpm ci\nnpm test',
  'python3 - <<EOF\nprint("hi")\nEOF',
  'git commit -F - <<EOF\nMessage\n\nBody with $HOME\nEOF',
  'npm test \\\n  -- --run',
  '# just a comment\nls',
  'function build() {\n  npm run build\n}\nbuild',
];
