-- AlterTable
ALTER TABLE "Task" ADD COLUMN     "resources" JSONB;
